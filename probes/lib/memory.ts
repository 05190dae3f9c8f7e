/** The host's memory from /proc/meminfo, in KiB. */

import { needText } from "./read.ts";

export interface HostMemory {
  readonly totalKiB: number;
  /** What can be had without swapping, page cache given back included; hugepages set aside are not free. */
  readonly freeKiB: number;
}

/** @throws Error when /proc/meminfo cannot be read, or has not its form. */
export function readMemory(procRoot: string): HostMemory {
  const fields = parseMemInfo(needText(`${procRoot}/meminfo`));
  const totalKiB = fields.get("MemTotal");
  // Kernels before 3.14 have no MemAvailable; this is what free(1) made of it then.
  const freeKiB = fields.get("MemAvailable") ?? sum(fields, ["MemFree", "Buffers", "Cached"]);
  if (totalKiB === undefined) throw new Error(`${procRoot}/meminfo does not say MemTotal.`);
  return { totalKiB, freeKiB: Math.min(freeKiB, totalKiB) };
}

/** The fields of meminfo, the host's or a NUMA node's: `Node 0 MemFree:  41 kB` → MemFree 41. */
export function parseMemInfo(text: string): ReadonlyMap<string, number> {
  const rows = text.matchAll(/^(?:Node \d+ )?([\w()]+):\s+(\d+)/gm);
  return new Map([...rows].map(([, name = "", value]) => [name, Number(value)]));
}

function sum(fields: ReadonlyMap<string, number>, names: readonly string[]): number {
  return names.reduce((total, name) => total + (fields.get(name) ?? 0), 0);
}
