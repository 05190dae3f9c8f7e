/** What one process has used, from /proc/PID (proc(5)). */

import { readFileSync } from "node:fs";
import { type ProcessStat, parseStat } from "../../shared/guests/process-proc.ts";
import { readText } from "./read.ts";

/** Ticks of /proc: Linux tells 100 a second to programs, whatever the kernel counts inside. */
export const TICKS_A_SECOND = 100;

/**
 * A PSS costs the kernel a walk over the page tables, 3.5 µs a MiB as measured. Of a small process most is
 * shared with others of its kind (a `sleep`: 1.9 MB RSS, 0.3 MB PSS), of a large one next to nothing.
 */
const MAX_PSS_WALK_KIB = 16 * 1024;

export interface ProcessRow extends ProcessStat {
  /** Of itself, and of the children it has waited for, in ticks. */
  readonly ticks: number;
}

/** Counts since the start of the process, waited-for children included. */
export interface ProcessIo {
  readonly readBytes: number;
  readonly writtenBytes: number;
  /** System calls, since Linux does not count a process' disk operations. */
  readonly reads: number;
  readonly writes: number;
}

/** The process with this pid, a zombie included; undefined when it is gone. */
export function readProcess(procRoot: string, pid: number): ProcessRow | undefined {
  try {
    const text = readFileSync(`${procRoot}/${pid}/stat`, "utf8");
    const stat = parseStat(text);
    // utime, stime, cutime, cstime: fields 14 to 17, of which field 3 is the first behind the command.
    const times = text
      .slice(text.lastIndexOf(")") + 2)
      .split(" ")
      .slice(11, 15)
      .map(Number);
    const ticks = times.reduce((total, one) => total + one, 0);
    return stat && Number.isSafeInteger(ticks) ? { ...stat, ticks } : undefined;
  } catch {
    return undefined;
  }
}

/** Undefined when it is not ours to read, or gone. */
export function readIo(procRoot: string, pid: number): ProcessIo | undefined {
  const text = readText(`${procRoot}/${pid}/io`);
  if (text === undefined) return undefined;
  const values = new Map(
    [...text.matchAll(/^(\w+): (\d+)$/gm)].map(([, name, value]) => [name, Number(value)]),
  );
  return {
    readBytes: values.get("read_bytes") ?? 0,
    writtenBytes: values.get("write_bytes") ?? 0,
    reads: values.get("syscr") ?? 0,
    writes: values.get("syscw") ?? 0,
  };
}

/** Its share of the memory: PSS of a small process, RSS of a large one; undefined when it has none. */
export function readMemoryKiB(procRoot: string, pid: number): number | undefined {
  const rss = fieldKiB(`${procRoot}/${pid}/status`, "VmRSS");
  if (rss === undefined || rss > MAX_PSS_WALK_KIB) return rss;
  return fieldKiB(`${procRoot}/${pid}/smaps_rollup`, "Pss") ?? rss;
}

function fieldKiB(path: string, name: string): number | undefined {
  const value = new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(readText(path) ?? "")?.[1];
  return value === undefined ? undefined : Number(value);
}
