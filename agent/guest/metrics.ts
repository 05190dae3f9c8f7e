/**
 * What a guest measures of itself, from the texts of /proc: memory, swap and disk use with the names, formulas and
 * format of the sample monitoring script (seed 003, 5.3.4), load and CPU beside them; pure.
 */

import type { GuestAttribute } from "./attributes.ts";

/** MEM_USED_PERC and SWAP_USED_PERC from /proc/meminfo; used is what is not free, caches too, as in the seed. */
export function memoryMetrics(meminfo: string): readonly GuestAttribute[] {
  const read = (name: string) => new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(meminfo)?.[1];
  return ["MEM", "SWAP"].flatMap((kind) => {
    const word = kind === "MEM" ? "Mem" : "Swap";
    const [total, free] = [read(`${word}Total`), read(`${word}Free`)];
    if (total === undefined || free === undefined) return [];
    return [{ name: `${kind}_USED_PERC`, value: percentage(Number(total) - Number(free), Number(total)) }];
  });
}

/** LOAD_1, LOAD_5 and LOAD_15: the load averages of /proc/loadavg as they stand there. */
export function loadMetrics(loadavg: string): readonly GuestAttribute[] {
  const [, one, five, fifteen] = /^([\d.]+) ([\d.]+) ([\d.]+)/.exec(loadavg) ?? [];
  return Object.entries({ LOAD_1: one, LOAD_5: five, LOAD_15: fifteen }).flatMap(([name, value]) =>
    value === undefined ? [] : [{ name, value }],
  );
}

/** Ticks since boot, of all CPUs together. */
export interface CpuTimes {
  readonly busy: number;
  readonly total: number;
}

/** The times of /proc/stat; guest times are part of user's there, and waiting for disks is idleness. */
export function cpuTimes(stat: string): CpuTimes | undefined {
  const ticks = /^cpu +([\d ]+)$/m.exec(stat)?.[1]?.trim().split(/ +/).slice(0, 8).map(Number);
  if (ticks === undefined || ticks.length < 4) return undefined;
  const total = ticks.reduce((sum, each) => sum + each, 0);
  return { busy: total - (ticks[3] ?? 0) - (ticks[4] ?? 0), total };
}

/** CPU_USED_PERC: how busy the CPUs were between two readings. */
export function cpuMetrics(
  before: CpuTimes | undefined,
  after: CpuTimes | undefined,
): readonly GuestAttribute[] {
  if (before === undefined || after === undefined) return [];
  // Steal and idle times have been seen to run backwards.
  const busy = Math.max(0, after.busy - before.busy);
  const total = after.total - before.total;
  return [{ name: "CPU_USED_PERC", value: percentage(Math.min(busy, total), total) }];
}

/** Two decimals, and a bare 0 where there is nothing to use, as the seed's script prints it. */
export function percentage(used: number, total: number): string {
  return total > 0 ? ((100 * used) / total).toFixed(2) : "0";
}

export interface Disk {
  /** The attribute's end: the last part of the device's path, in characters that an attribute's name may have. */
  readonly name: string;
  readonly mountPoint: string;
}

const MAX_DISKS = 64;

/** What `df` would list of devices under /dev, from /proc/mounts: each device once. */
export function mountedDisks(mounts: string): readonly Disk[] {
  const disks = new Map<string, Disk>();
  for (const line of mounts.split("\n")) {
    const [device = "", mountPoint = ""] = line.split(" ");
    if (!device.startsWith("/dev") || disks.has(device) || disks.size === MAX_DISKS) continue;
    const name = unescapeMount(device).split("/").at(-1) ?? "";
    disks.set(device, { name: name.replace(/\W/g, "_"), mountPoint: unescapeMount(mountPoint) });
  }
  return [...disks.values()];
}

/** Blanks and backslashes stand there as octal numbers. */
function unescapeMount(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

export interface DiskSpace {
  readonly blocks: number;
  readonly bfree: number;
}

/** DISK_USED_PERC_<device>. */
export function diskMetric({ name }: Disk, { blocks, bfree }: DiskSpace): GuestAttribute {
  return { name: `DISK_USED_PERC_${name}`, value: percentage(blocks - bfree, blocks) };
}
