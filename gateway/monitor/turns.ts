/**
 * Turns at the event loop: whoever has work steps one after another in short slices, between which the house does what
 * else is due. So a flood of datagrams or one busy connection delays neither the guests nor other peers.
 */

import type { Clock } from "../../shared/clock.ts";

/** Of one slice; a step that is under way comes to its end. */
const SLICE_MS = 4;

/** The clock is not asked before every step. */
const STEPS_BETWEEN_LOOKS = 8;

export interface Worker {
  /** A little of its work, at once; whether more can be done right away. Must not throw. */
  step(): boolean;
}

export class Turns {
  readonly #clock: Pick<Clock, "elapsed">;
  /** In the order in which they asked, each once. */
  readonly #waiting = new Set<Worker>();
  #scheduled: NodeJS.Immediate | undefined;

  constructor(clock: Pick<Clock, "elapsed">) {
    this.#clock = clock;
  }

  /** The worker's next step comes soon; asking twice is asking once. */
  ask(worker: Worker): void {
    this.#waiting.add(worker);
    this.#scheduled ??= setImmediate(this.#slice);
  }

  forget(worker: Worker): void {
    this.#waiting.delete(worker);
  }

  close(): void {
    this.#waiting.clear();
    clearImmediate(this.#scheduled);
  }

  readonly #slice = (): void => {
    const until = this.#clock.elapsed() + SLICE_MS;
    let steps = 0;
    // A worker that has more goes to the end of the set, which the loop then comes to again.
    for (const worker of this.#waiting) {
      this.#waiting.delete(worker);
      if (worker.step()) this.#waiting.add(worker);
      steps += 1;
      if (steps % STEPS_BETWEEN_LOOKS === 0 && this.#clock.elapsed() >= until) break;
    }
    this.#scheduled = this.#waiting.size > 0 ? setImmediate(this.#slice) : undefined;
  };
}
