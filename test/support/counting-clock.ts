/** The system's clock, that knows how many timers there are, and how many there ever were. */

import { type Clock, systemClock } from "../../shared/clock.ts";

export interface CountingClock extends Clock {
  /** Timers that wait. */
  readonly waiting: () => number;
  /** The most that waited at one time. */
  readonly peak: () => number;
  /** Timers that were ever set. */
  readonly set: () => number;
}

export function countingClock(): CountingClock {
  let waiting = 0;
  let peak = 0;
  let set = 0;
  return {
    ...systemClock,
    after(delayMs, work) {
      set += 1;
      waiting += 1;
      peak = Math.max(peak, waiting);
      let waits = true;
      const ended = (): void => {
        if (waits) waiting -= 1;
        waits = false;
      };
      const cancel = systemClock.after(delayMs, () => {
        ended();
        work();
      });
      return () => {
        ended();
        cancel();
      };
    },
    waiting: () => waiting,
    peak: () => peak,
    set: () => set,
  };
}
