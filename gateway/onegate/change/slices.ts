/** Work on thousands of items in short slices, between which the event loop does whatever else is due. */

import type { Clock } from "../../../shared/clock.ts";

const MAX_ITEMS = 128;
const SLICE_MS = 5;

export class Slices<T> {
  readonly #clock: Clock;
  readonly #work: (item: T) => void;
  /** In the order in which they came, each once. */
  readonly #items = new Set<T>();
  #scheduled = false;

  /** `work` must not throw. */
  constructor(clock: Clock, work: (item: T) => void) {
    this.#clock = clock;
    this.#work = work;
  }

  add(item: T): void {
    this.#items.add(item);
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(this.#slice);
  }

  delete(item: T): void {
    this.#items.delete(item);
  }

  readonly #slice = (): void => {
    const until = this.#clock.elapsed() + SLICE_MS;
    let left = MAX_ITEMS;
    for (const item of this.#items) {
      this.#items.delete(item);
      this.#work(item);
      left -= 1;
      if (left === 0 || this.#clock.elapsed() >= until) break;
    }
    this.#scheduled = this.#items.size > 0;
    if (this.#scheduled) setImmediate(this.#slice);
  };
}
