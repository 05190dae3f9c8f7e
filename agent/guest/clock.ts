/** Time for a command: like the house's clock, but its timers keep the process alive, since waiting is all it may do. */

import type { Clock } from "../../shared/clock.ts";

export const commandClock: Clock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  after(delayMs, work) {
    const timer = setTimeout(work, delayMs);
    return () => clearTimeout(timer);
  },
};

/** Resolves after the delay, or as soon as `stop` is aborted. */
export function wait(clock: Clock, delayMs: number, stop?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (stop?.aborted) return resolve();
    const finish = (): void => {
      cancel();
      stop?.removeEventListener("abort", finish);
      resolve();
    };
    const cancel = clock.after(delayMs, finish);
    stop?.addEventListener("abort", finish);
  });
}
