/** Time that moves when told to, and that tells when somebody waits for it. */

import type { Clock } from "../../shared/clock.ts";

export interface ManualClock extends Clock {
  /** Timers that wait. */
  waiting(): number;
  /** ms until the first of them; undefined: nobody waits. */
  untilNext(): number | undefined;
  /** Moves time on, and runs what is due. */
  advance(ms: number): void;
  /** Sets the wall clock forward or back, as an administrator or NTP would; no timer notices. */
  jump(ms: number): void;
  /** Waits until somebody sets a timer, if none is set, and moves time on to the first one. */
  runNext(): Promise<void>;
}

interface Timer {
  readonly at: number;
  readonly work: () => void;
}

export function manualClock(startMs = 1_700_000_000_000): ManualClock {
  let elapsed = 0;
  let wallStart = startMs;
  let timers: readonly Timer[] = [];
  let someoneWaits: () => void = () => {};

  const advance = (ms: number): void => {
    elapsed += ms;
    const due = timers.filter(({ at }) => at <= elapsed);
    timers = timers.filter(({ at }) => at > elapsed);
    for (const { work } of due) work();
  };
  return {
    now: () => wallStart + elapsed,
    elapsed: () => elapsed,
    after(delayMs, work) {
      const timer = { at: elapsed + delayMs, work };
      timers = [...timers, timer];
      someoneWaits();
      return () => {
        timers = timers.filter((other) => other !== timer);
      };
    },
    waiting: () => timers.length,
    untilNext: () => (timers.length === 0 ? undefined : Math.min(...timers.map(({ at }) => at)) - elapsed),
    advance,
    jump(ms) {
      wallStart += ms;
    },
    async runNext() {
      if (timers.length === 0) {
        const { promise, resolve } = Promise.withResolvers<void>();
        someoneWaits = resolve;
        await promise;
      }
      advance(Math.min(...timers.map(({ at }) => at)) - elapsed);
    },
  };
}
