/** How long to wait before the next try: longer each time, and not in step with other agents. */

/** Upstream's agent waits up to 64 s (spec monitoring.md 4); within a beacon's period the daemon hears of us again. */
const WAITS_S = [1, 1, 2, 4, 8, 16, 28] as const;

const JITTER = 0.25;

export class BackOff {
  readonly #random: () => number;
  #failures = 0;

  /** @param random from 0 up to 1. */
  constructor(random: () => number) {
    this.#random = random;
  }

  /** ms to wait after one more failure. */
  next(): number {
    const seconds = WAITS_S[Math.min(this.#failures, WAITS_S.length - 1)] ?? 1;
    this.#failures += 1;
    return seconds * 1000 * (1 - JITTER * this.#random());
  }

  reset(): void {
    this.#failures = 0;
  }
}
