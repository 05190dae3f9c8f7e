/** A clock whose waits end at once: it moves to their time, and notes how long they were. */

import type { Clock } from "../../shared/clock.ts";

export interface HurriedClock extends Clock {
  readonly waits: readonly number[];
}

export function hurriedClock(): HurriedClock {
  const waits: number[] = [];
  let now = 1_000_000;
  return {
    waits,
    now: () => now,
    elapsed: () => now,
    after(delayMs, work) {
      waits.push(delayMs);
      const timer = setImmediate(() => {
        now += delayMs;
        work();
      });
      return () => clearImmediate(timer);
    },
  };
}
