/** Long work on many items in short slices: between them the event loop does whatever else is due. */

import { setImmediate } from "node:timers/promises";
import type { Clock } from "../../../shared/clock.ts";

const SLICE_MS = 4;
const MAX_ITEMS = 256;

export class Pauses {
  readonly #clock: Clock;
  #began: number;
  #items = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#began = clock.elapsed();
  }

  /** To be asked before each item; true: the slice was long enough, and `next` begins another. */
  get isDue(): boolean {
    this.#items += 1;
    return this.#items > MAX_ITEMS || this.#clock.elapsed() - this.#began >= SLICE_MS;
  }

  async next(): Promise<void> {
    await setImmediate();
    this.#began = this.#clock.elapsed();
    this.#items = 0;
  }
}
