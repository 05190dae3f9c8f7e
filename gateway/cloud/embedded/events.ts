/** Events of the embedded cloud: told once what they tell is durable. */

import type { Transaction } from "../../store/transaction.ts";
import type { CloudEvent } from "../cloud.ts";

/** Tells of an event when the transaction has become durable. */
export type Announce = (tx: Transaction, event: CloudEvent) => void;

export class EventBus {
  readonly #listeners = new Set<(event: CloudEvent) => void>();

  readonly subscribe = (listener: (event: CloudEvent) => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly announce: Announce = (tx, event) => {
    tx.after(() => {
      for (const listener of this.#listeners) listener(event);
    });
  };
}
