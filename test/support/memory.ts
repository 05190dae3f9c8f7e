/** What a process holds and takes, for soaks that want it to stay where it is. */

import { setImmediate } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

const CALM_SAMPLES = 4;

export interface MemorySample {
  /** Heap and buffers after collecting garbage. */
  readonly liveBytes: number;
  readonly rssBytes: number;
}

export function memorySample(): MemorySample {
  setFlagsFromString("--expose-gc");
  const collect: unknown = runInNewContext("gc");
  if (typeof collect === "function") collect();
  const { heapUsed, external, rss } = process.memoryUsage();
  return { liveBytes: heapUsed + external, rssBytes: rss };
}

/**
 * The least of a few, with turns of the event loop between them: what one collection frees may hold what only the next
 * one does, and at a busy process something is always under way.
 */
export async function calmMemorySample(): Promise<MemorySample> {
  let least = memorySample();
  for (let again = 1; again < CALM_SAMPLES; again += 1) {
    await setImmediate();
    const next = memorySample();
    if (next.liveBytes < least.liveBytes) least = next;
  }
  return least;
}

/** Processor time of all threads of this process, so far. */
export function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
