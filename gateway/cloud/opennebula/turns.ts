/** Who may work when: so many at a time, and for each key one after another. */

import { GatehouseError } from "../../../shared/errors.ts";

/** At most `max` pieces of work at a time; beyond `maxWaiting` that wait, work is refused. */
export class Bounded {
  readonly #max: number;
  readonly #maxWaiting: number;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(max: number, maxWaiting: number) {
    this.#max = max;
    this.#maxWaiting = maxWaiting;
  }

  /** @throws GatehouseError `unavailable` when too many wait already; nothing was begun then. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running < this.#max) this.#running += 1;
    else if (this.#waiting.length >= this.#maxWaiting)
      throw new GatehouseError("unavailable", "Too many calls wait for OpenNebula's core already.");
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running -= 1;
      else next();
    }
  }
}

/** Work on one key waits for the work on it that came before, however that ended. */
export class OneByOne {
  readonly #last = new Map<string, Promise<unknown>>();

  async run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(key);
    const mine = before === undefined ? work() : before.then(work, work);
    this.#last.set(key, mine);
    try {
      return await mine;
    } finally {
      if (this.#last.get(key) === mine) this.#last.delete(key);
    }
  }
}
