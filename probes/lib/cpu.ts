/** The host's processors from /proc/stat and /proc/cpuinfo (proc(5)). */

import { needText, readNumber, readText } from "./read.ts";

/** What all processors together have done since boot, in clock ticks. */
export interface CpuTimes {
  readonly busy: number;
  readonly total: number;
  /** The processors that are switched on, rising. */
  readonly online: readonly number[];
}

/** @throws Error when /proc/stat cannot be read, or has not its form. */
export function readCpuTimes(procRoot: string): CpuTimes {
  const rows = needText(`${procRoot}/stat`).split("\n");
  const ticks = (rows[0] ?? "").split(/\s+/).slice(1).map(Number);
  // guest and guest_nice follow; both are in user and nice already.
  const [user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0, steal = 0] = ticks;
  const online = rows.flatMap((row) => /^cpu(\d+) /.exec(row)?.[1] ?? []).map(Number);
  if (
    !rows[0]?.startsWith("cpu ") ||
    ticks.length < 4 ||
    !ticks.every(Number.isFinite) ||
    online.length === 0
  ) {
    throw new Error(`${procRoot}/stat does not read as the kernel's figures.`);
  }
  // What another guest of the same machine stole is nobody's to give away, so it is not free.
  const busy = user + nice + system + irq + softirq + steal;
  return { busy, total: busy + idle + iowait, online };
}

/** Percent of one processor, times processors, that were busy between two readings; since boot for the first. */
export function usedPercent(times: CpuTimes, before: CpuTimes | undefined): number {
  const busy = times.busy - (before?.busy ?? 0);
  const total = times.total - (before?.total ?? 0);
  // iowait may run backwards, and no tick may have passed.
  if (total <= 0) return before === undefined ? 0 : usedPercent(times, undefined);
  const share = Math.min(Math.max(busy / total, 0), 1);
  return Math.round(share * totalPercent(times));
}

/** TOTALCPU: 100 for each processor. */
export function totalPercent({ online }: CpuTimes): number {
  return online.length * 100;
}

export interface CpuModel {
  readonly name: string | undefined;
  readonly flags: readonly string[];
  /** The highest speed in MHz; 0 where it is not told, as upstream has it. */
  readonly megahertz: number;
}

export function readCpuModel(procRoot: string, sysRoot: string): CpuModel {
  const fields = cpuInfoFields(readText(`${procRoot}/cpuinfo`) ?? "");
  const first = (...names: string[]): string | undefined =>
    names.map((name) => fields.get(name)?.[0]).find(Boolean);
  const kiloHertz = readNumber(`${sysRoot}/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq`);
  const told = [...(fields.get("cpu MHz") ?? []), ...(fields.get("clock") ?? [])].map(Number.parseFloat);
  const now = told.filter(Number.isFinite).reduce((most, one) => Math.max(most, one), 0);
  return {
    // x86; MIPS; POWER; ARM boards. Other ARM machines tell numbers only.
    name: first("model name", "cpu model", "cpu", "Model", "Hardware") ?? armModel(first),
    flags: (first("flags", "Features", "features") ?? "").split(/\s+/).filter(Boolean),
    megahertz: Math.round(kiloHertz === undefined ? now : kiloHertz / 1000),
  };
}

function armModel(first: (name: string) => string | undefined): string | undefined {
  const implementer = first("CPU implementer");
  return implementer && `ARM implementer ${implementer} part ${first("CPU part") ?? "?"}`;
}

/** The values of each field of /proc/cpuinfo, one a processor. */
function cpuInfoFields(text: string): ReadonlyMap<string, readonly string[]> {
  const fields = new Map<string, string[]>();
  for (const row of text.split("\n")) {
    const colon = row.indexOf(":");
    if (colon < 0) continue;
    const name = row.slice(0, colon).trim();
    const values = fields.get(name) ?? [];
    values.push(row.slice(colon + 1).trim());
    fields.set(name, values);
  }
  return fields;
}
