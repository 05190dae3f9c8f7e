/** Tells when something has happened so often within so long that somebody should know. */

export class Often {
  readonly #times: number;
  readonly #withinMs: number;
  #moments: number[] = [];

  constructor(times: number, withinMs: number) {
    this.#times = times;
    this.#withinMs = withinMs;
  }

  /** It happened at `nowMs`. True: often enough, and counted anew from here on. */
  happened(nowMs: number): boolean {
    this.#moments = [...this.#moments.filter((moment) => nowMs - moment < this.#withinMs), nowMs];
    if (this.#moments.length < this.#times) return false;
    this.#moments = [];
    return true;
  }
}
