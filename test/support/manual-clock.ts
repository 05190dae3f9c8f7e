/** Time that moves when told to, and that tells when somebody waits for it. */

import type { Clock } from "../../shared/clock.ts";

export interface ManualClock extends Clock {
  /** Timers that wait. */
  waiting(): number;
  /** Moves time on, and runs what is due. */
  advance(ms: number): void;
  /** Waits until somebody sets a timer, if none is set, and moves time on to the first one. */
  runNext(): Promise<void>;
}

interface Timer {
  readonly at: number;
  readonly work: () => void;
}

export function manualClock(startMs = 1_700_000_000_000): ManualClock {
  let now = startMs;
  let timers: readonly Timer[] = [];
  let someoneWaits: () => void = () => {};

  const advance = (ms: number): void => {
    now += ms;
    const due = timers.filter(({ at }) => at <= now);
    timers = timers.filter(({ at }) => at > now);
    for (const { work } of due) work();
  };
  return {
    now: () => now,
    after(delayMs, work) {
      const timer = { at: now + delayMs, work };
      timers = [...timers, timer];
      someoneWaits();
      return () => {
        timers = timers.filter((other) => other !== timer);
      };
    },
    waiting: () => timers.length,
    advance,
    async runNext() {
      if (timers.length === 0) {
        const { promise, resolve } = Promise.withResolvers<void>();
        someoneWaits = resolve;
        await promise;
      }
      advance(Math.min(...timers.map(({ at }) => at)) - now);
    },
  };
}
