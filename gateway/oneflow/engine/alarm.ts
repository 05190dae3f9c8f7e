/** The one timer of a service. */

import type { Clock } from "../../../shared/clock.ts";

/** A timer of Node's is no longer than this. */
const MAX_DELAY_MS = 2 ** 31 - 1;
/** A moment that has passed, and of which nothing came, is told again so much later. */
const AGAIN_MS = 1_000;

export class Alarm {
  readonly #time: { readonly clock: Clock; readonly now: () => number };
  readonly #ring: () => void;
  #at: number | undefined;
  #cancel: (() => void) | undefined;

  constructor(time: { readonly clock: Clock; readonly now: () => number }, ring: () => void) {
    this.#time = time;
    this.#ring = ring;
  }

  /** `at` in ms since the epoch; undefined: never. `changed`: what the last ring led to was something. */
  set(at: number | undefined, changed = true): void {
    if (at === this.#at && this.#cancel !== undefined) return;
    this.#cancel?.();
    this.#cancel = undefined;
    this.#at = at;
    if (at !== undefined) this.#wait(at, changed ? 0 : AGAIN_MS);
  }

  #wait(at: number, leastMs: number): void {
    const { clock, now } = this.#time;
    const delay = Math.min(Math.max(at - now(), leastMs), MAX_DELAY_MS);
    this.#cancel = clock.after(delay, () => {
      this.#cancel = undefined;
      if (now() < at) this.#wait(at, 0);
      else this.#ring();
    });
  }
}
