/** Work of many services, bounded: so much of one service at a time, and so much of all; services take turns. */

interface Lane {
  running: number;
  readonly waiting: (() => Promise<void>)[];
}

export interface LaneBounds {
  readonly perService: number;
  readonly inAll: number;
}

export class Lanes {
  readonly #bounds: LaneBounds;
  readonly #lanes = new Map<number, Lane>();
  /** Services with work that waits and may run, each once, in the order in which their turn comes. */
  readonly #turns = new Set<number>();
  #running = 0;

  constructor(bounds: LaneBounds) {
    this.#bounds = bounds;
  }

  /** `work` must not reject. */
  add(serviceId: number, work: () => Promise<void>): void {
    const lane = this.#lanes.get(serviceId) ?? { running: 0, waiting: [] };
    this.#lanes.set(serviceId, lane);
    lane.waiting.push(work);
    this.#offer(serviceId, lane);
    this.#run();
  }

  #offer(serviceId: number, lane: Lane): void {
    if (lane.waiting.length > 0 && lane.running < this.#bounds.perService) this.#turns.add(serviceId);
  }

  #run(): void {
    for (const serviceId of this.#turns) {
      if (this.#running >= this.#bounds.inAll) return;
      this.#turns.delete(serviceId);
      const lane = this.#lanes.get(serviceId);
      const work = lane?.waiting.shift();
      if (lane === undefined || work === undefined) continue;
      lane.running += 1;
      this.#running += 1;
      // At the end of the set, which this loop then comes to again.
      this.#offer(serviceId, lane);
      void work().finally(() => this.#ended(serviceId, lane));
    }
  }

  #ended(serviceId: number, lane: Lane): void {
    lane.running -= 1;
    this.#running -= 1;
    if (lane.running === 0 && lane.waiting.length === 0) this.#lanes.delete(serviceId);
    else this.#offer(serviceId, lane);
    this.#run();
  }
}
