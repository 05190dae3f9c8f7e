/** Reads what hints name: each once, however often it is named meanwhile, and again when it is named while it is read. */

import type { Hint, HintKind } from "./hint.ts";

/** What a hint may be about. */
export interface Hinted {
  refresh(id: number): Promise<unknown>;
  poll(): Promise<void>;
}

const WHOLE = -1;

export class Hints {
  readonly #byKind: Readonly<Record<HintKind, Hinted>>;
  readonly #waiting = new Map<string, { readonly kind: HintKind; readonly id: number }>();
  readonly #running = new Set<string>();

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
      this.#waiting.delete(key);
      const hinted = this.#byKind[next.kind];
      // What fails is seen to by the next look at everything.
      await (next.id === WHOLE ? hinted.poll() : hinted.refresh(next.id)).catch(() => undefined);
    }
    this.#running.delete(key);
  }
}
