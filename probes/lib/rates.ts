/** Remembers counters from one round to the next, for what is told as a rate. */

interface Reading {
  readonly value: number;
  readonly atMs: number;
}

/** One counter a key; times are a Clock's `elapsed`. */
export class Rates {
  #last = new Map<string, Reading>();
  #next = new Map<string, Reading>();

  /**
   * How much the counter has grown a second since the last round; undefined in its first round, and when it fell, as
   * after a reboot of what it counts.
   */
  perSecond(key: string, value: number, atMs: number): number | undefined {
    const last = this.#last.get(key);
    this.#next.set(key, { value, atMs });
    if (last === undefined || value < last.value || atMs <= last.atMs) return undefined;
    return ((value - last.value) * 1000) / (atMs - last.atMs);
  }

  /** Ends the round: counters that were not read in it are forgotten. */
  endRound(): void {
    this.#last = this.#next;
    this.#next = new Map();
  }
}
