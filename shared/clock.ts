/** Time as a port: nothing else in the house reads the wall clock or sets a timer. */

export interface Clock {
  /** Wall-clock time in ms since the epoch. */
  now(): number;
  /** ms since some fixed moment, for durations and rates: never goes back when the wall clock is set. */
  elapsed(): number;
  /** Runs `work` once after `delayMs`; the returned function cancels it. Never keeps the process alive. */
  after(delayMs: number, work: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  after(delayMs, work) {
    const timer = setTimeout(work, delayMs);
    timer.unref();
    return () => clearTimeout(timer);
  },
};

/** Seconds since the epoch, as OpenNebula writes times (STIME, ETIME). */
export function epochSeconds(clock: Clock): number {
  return Math.floor(clock.now() / 1000);
}
