/** What a process holds, for soaks that want it to stay where it is. */

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

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
