/** The moment after which something is over for good, however the wall clock is set. */

import type { Clock } from "../../../shared/clock.ts";

/**
 * Over by the wall clock, or by the time that has really passed since this process first saw it, whichever comes first;
 * and once it was seen to be over, it stays so: a clock set back gives nothing a second life.
 */
export class Deadline {
  readonly atMs: number;
  readonly #atElapsedMs: number;
  readonly #clock: Clock;
  #over = false;

  /** `atMs`: since the epoch. */
  constructor(clock: Clock, atMs: number) {
    this.#clock = clock;
    this.atMs = atMs;
    this.#atElapsedMs = clock.elapsed() + (atMs - clock.now());
  }

  isOver(): boolean {
    if (!this.#over) {
      this.#over = this.#clock.now() >= this.atMs || this.#clock.elapsed() >= this.#atElapsedMs;
    }
    return this.#over;
  }
}
