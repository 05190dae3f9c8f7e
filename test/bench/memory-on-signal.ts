/** Preloaded into a server: on SIGUSR2 it collects garbage, and writes its memory down in $BENCH_MEMORY_FILE. */

import { renameSync, writeFileSync } from "node:fs";
import { isMainThread } from "node:worker_threads";

if (isMainThread) {
  const file = process.env.BENCH_MEMORY_FILE ?? "";
  process.on("SIGUSR2", () => {
    // What sockets hold is let go in turns of their own, after the first collection.
    globalThis.gc?.();
    setImmediate(() => {
      globalThis.gc?.();
      const { heapUsed, rss } = process.memoryUsage();
      writeFileSync(`${file}.part`, JSON.stringify({ heapUsed, rss }));
      renameSync(`${file}.part`, file);
    });
  });
}
