/** Events of the embedded cloud: told once what they tell is durable. */

import type { Committed, Registry } from "../../store/registry.ts";
import type { Transaction } from "../../store/transaction.ts";
import type { CloudEvent } from "../event.ts";
import { DOCUMENTS, LEASES, NETWORKS, ROUTERS } from "./kinds.ts";

/** Tells of an event when the transaction has become durable. */
export type Announce = (tx: Transaction, event: CloudEvent) => void;

export class EventBus {
  readonly #listeners = new Set<(event: CloudEvent) => void>();

  readonly subscribe = (listener: (event: CloudEvent) => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly announce: Announce = (tx, event) => {
    tx.after(() => this.tell(event));
  };

  /** Tells at once of what is not stored: a reading. */
  readonly tell = (event: CloudEvent): void => {
    for (const listener of this.#listeners) listener(event);
  };
}

/** Tells of documents, routers and networks from what was written of them, whichever call wrote it. */
export function announceCommits(registry: Registry, events: EventBus): void {
  registry.onCommit((committed) => {
    for (const { before: previous, after: document } of committed.of(DOCUMENTS)) {
      const id = (document ?? previous)?.id;
      if (id !== undefined) events.tell({ kind: "document_changed", id, document, previous });
    }
    for (const { before: previous, after: router } of committed.of(ROUTERS)) {
      const id = (router ?? previous)?.id;
      if (id !== undefined) events.tell({ kind: "router_changed", id, router, previous });
    }
    announceNetworks(registry, events, committed);
  });
}

/** A network whose leases alone are others has changed, too; one event a network. */
function announceNetworks(registry: Registry, events: EventBus, committed: Committed): void {
  const told = new Set<number>();
  for (const { before: previous, after: network } of committed.of(NETWORKS)) {
    const id = (network ?? previous)?.id;
    if (id === undefined) continue;
    told.add(id);
    events.tell({ kind: "network_changed", id, network, previous });
  }
  const leased = new Set(committed.of(LEASES).map(({ before, after }) => (after ?? before)?.networkId));
  for (const id of leased) {
    const network = id === undefined || told.has(id) ? undefined : registry.collection(NETWORKS).get(id);
    if (network !== undefined)
      events.tell({ kind: "network_changed", id: network.id, network, previous: network });
  }
}
