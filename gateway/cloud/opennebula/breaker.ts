/** Spares a core that does not answer, and those who ask: after some failures in a row calls fail at once, for a while. */

import type { Clock } from "../../../shared/clock.ts";

const FAILURES = 3;
const FIRST_PAUSE_MS = 500;
const MAX_PAUSE_MS = 8_000;

export class Breaker {
  readonly #clock: Clock;
  #failures = 0;
  #closedUntil = 0;
  #probing = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** False: not now. After each pause one call is let through, to see whether the core is back. */
  mayCall(): boolean {
    if (this.#failures < FAILURES) return true;
    if (this.#probing || this.#clock.elapsed() < this.#closedUntil) return false;
    this.#probing = true;
    return true;
  }

  /** True when the core was thought to be gone. */
  answered(): boolean {
    const wasGone = this.#failures >= FAILURES;
    this.#failures = 0;
    this.#probing = false;
    return wasGone;
  }

  /** True when the core is thought to be gone from now on. */
  failed(): boolean {
    this.#failures += 1;
    this.#probing = false;
    if (this.#failures < FAILURES) return false;
    const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** (this.#failures - FAILURES), MAX_PAUSE_MS);
    this.#closedUntil = this.#clock.elapsed() + pauseMs;
    return this.#failures === FAILURES;
  }
}
