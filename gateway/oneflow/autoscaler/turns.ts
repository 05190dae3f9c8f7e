/** Turns of services: what stirs one leads to one turn of it, however much it was; never two of the same at one time. */

import type { Clock } from "../../../shared/clock.ts";

/** Turns go on so long, in ms, and the rest of the house has its own. */
const SLICE_MS = 5;
/** Work under way at one time; after a start every new policy has its first look noted. */
const MAX_UNDER_WAY = 64;

export interface TurnsOptions {
  readonly clock: Clock;
  /** One turn; what it gives back is done before the next of the same service, which then comes at once. */
  readonly turn: (id: number) => (() => Promise<void>) | undefined;
  readonly failed: (id: number, error: unknown) => void;
  /** After the turns that came together. */
  readonly after: () => void;
}

export class Turns {
  readonly #options: TurnsOptions;
  readonly #stirred = new Set<number>();
  readonly #busy = new Set<number>();
  readonly #underWay = new Set<Promise<void>>();
  readonly #whenSettled: (() => void)[] = [];
  #scheduled = false;
  #closed = false;

  constructor(options: TurnsOptions) {
    this.#options = options;
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  stir(id: number): void {
    this.#stirred.add(id);
    this.#schedule();
  }

  /** Resolves when no turn waits, and nothing is under way. */
  async settled(): Promise<void> {
    while (this.#scheduled || this.#underWay.size > 0) {
      await new Promise<void>((resolve) => this.#whenSettled.push(resolve));
    }
  }

  /** No turn begins any more; resolves when what is under way has ended. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.allSettled(this.#underWay);
  }

  #schedule(): void {
    if (this.#scheduled || this.#closed) return;
    this.#scheduled = true;
    setImmediate(() => this.#run());
  }

  #run(): void {
    this.#scheduled = false;
    const { clock, after } = this.#options;
    const ends = clock.elapsed() + SLICE_MS;
    for (const id of this.#stirred) {
      if (this.#closed || this.#underWay.size >= MAX_UNDER_WAY) break;
      if (clock.elapsed() >= ends) {
        this.#schedule();
        break;
      }
      this.#stirred.delete(id);
      // It has its turn as soon as what it does now has ended.
      if (!this.#busy.has(id)) this.#take(id);
    }
    after();
    this.#tellSettled();
  }

  #take(id: number): void {
    const work = this.#options.turn(id);
    if (work === undefined) return;
    this.#busy.add(id);
    const done = work()
      .catch((error: unknown) => this.#options.failed(id, error))
      .finally(() => {
        this.#busy.delete(id);
        this.#underWay.delete(done);
        this.stir(id);
        this.#tellSettled();
      });
    this.#underWay.add(done);
  }

  #tellSettled(): void {
    if (this.#scheduled || this.#underWay.size > 0) return;
    for (const tell of this.#whenSettled.splice(0)) tell();
  }
}
