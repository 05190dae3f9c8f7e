/** Takes the guest's measurements: reads /proc and the file systems, and keeps the last CPU times. */

import { readFile, statfs } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../../shared/clock.ts";
import type { GuestAttribute } from "./attributes.ts";
import { wait } from "./clock.ts";
import {
  type CpuTimes,
  cpuMetrics,
  cpuTimes,
  type Disk,
  type DiskSpace,
  diskMetric,
  loadMetrics,
  memoryMetrics,
  mountedDisks,
} from "./metrics.ts";

/** Between the two readings that the first CPU figure is made of. */
const FIRST_CPU_WINDOW_MS = 500;

export interface MeasureOptions {
  /** Where /proc is. */
  readonly procRoot: string;
  readonly clock: Clock;
  /** The space of a mounted file system. */
  readonly space?: (mountPoint: string) => Promise<DiskSpace>;
}

/** Each call measures once; what cannot be read (another system than Linux) is left out. */
export function guestMeasure(
  options: MeasureOptions,
): (stop: AbortSignal) => Promise<readonly GuestAttribute[]> {
  const { procRoot, clock, space = statfs } = options;
  const read = (name: string) => readFile(join(procRoot, name), "utf8").catch(() => "");
  let before: CpuTimes | undefined;
  return async function measure(stop) {
    before ??= await firstTimes(read, clock, stop);
    const after = cpuTimes(await read("stat"));
    const disks = mountedDisks(await read("mounts"));
    const attributes = [
      ...memoryMetrics(await read("meminfo")),
      ...(await Promise.all(disks.map((disk) => measureDisk(disk, space)))).flat(),
      ...loadMetrics(await read("loadavg")),
      ...cpuMetrics(before, after),
    ];
    before = after;
    return attributes;
  };
}

async function firstTimes(
  read: (name: string) => Promise<string>,
  clock: Clock,
  stop: AbortSignal,
): Promise<CpuTimes | undefined> {
  const times = cpuTimes(await read("stat"));
  if (times !== undefined) await wait(clock, FIRST_CPU_WINDOW_MS, stop);
  return times;
}

/** A disk that is unmounted meanwhile, or not this user's to see, is left out; so are all on Node before 18.15. */
async function measureDisk(
  disk: Disk,
  space: (mountPoint: string) => Promise<DiskSpace>,
): Promise<readonly GuestAttribute[]> {
  try {
    return [diskMetric(disk, await space(disk.mountPoint))];
  } catch {
    return [];
  }
}
