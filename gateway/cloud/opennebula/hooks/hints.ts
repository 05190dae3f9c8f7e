/** Reads what hints name: each once, however often it is named meanwhile, and again when it is named while it is read. */

import { Bounded } from "../turns.ts";
import type { Hint, HintKind } from "./hint.ts";

/** What a hint may be about. */
export interface Hinted {
  refresh(id: number): Promise<unknown>;
  poll(): Promise<void>;
}

const WHOLE = -1;
/** Thousands of objects may change at once, and the core's places are also for those who ask. */
const MAX_READS = 4;

interface Named {
  readonly kind: HintKind;
  readonly id: number;
}

export class Hints {
  readonly #byKind: Readonly<Record<HintKind, Hinted>>;
  readonly #waiting = new Map<string, Named>();
  readonly #running = new Set<string>();
  readonly #reads = new Bounded(MAX_READS, Number.POSITIVE_INFINITY);

  constructor(byKind: Readonly<Record<HintKind, Hinted>>) {
    this.#byKind = byKind;
  }

  readonly take = ({ kind, id = WHOLE }: Hint): void => {
    const key = `${kind} ${id}`;
    this.#waiting.set(key, { kind, id });
    if (!this.#running.has(key)) void this.#run(key);
  };

  async #run(key: string): Promise<void> {
    this.#running.add(key);
    for (let next = this.#waiting.get(key); next !== undefined; next = this.#waiting.get(key)) {
      // What fails is seen to by the next look at everything.
      await this.#look(key, next).catch(() => undefined);
    }
    this.#running.delete(key);
  }

  async #look(key: string, { kind, id }: Named): Promise<unknown> {
    const hinted = this.#byKind[kind];
    const begin = (look: () => Promise<unknown>) => {
      this.#waiting.delete(key);
      return look();
    };
    if (id === WHOLE) return await begin(() => hinted.poll());
    return await this.#reads.run(() => begin(() => hinted.refresh(id)));
  }
}
