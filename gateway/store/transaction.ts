/** A transaction of the registry while its work runs: it sees the newest state, and keeps its own changes to itself. */

import { GatehouseError } from "../../shared/errors.ts";
import { defineKind, type IndexKey, type Key, type Kind, type Versioned } from "./kind.ts";
import type { AnyTable, Table, Tables } from "./table.ts";

/** Valid only while the work runs. Objects are never changed in place: `put` takes a new one. */
export interface Transaction {
  get<T extends Versioned, K extends Key, I extends string>(kind: Kind<T, K, I>, key: K): T | undefined;
  values<T extends Versioned, K extends Key, I extends string>(kind: Kind<T, K, I>): Iterable<T>;
  /** All objects that the index has under `indexKey`. */
  by<T extends Versioned, K extends Key, I extends string>(
    kind: Kind<T, K, I>,
    index: NoInfer<I>,
    indexKey: IndexKey,
  ): readonly T[];

  /** A fresh id, which no object of the kind ever had; it is used up even if no object takes it. */
  nextId<T extends Versioned, I extends string>(kind: Kind<T, number, I>): number;
  /** Makes an object under a fresh id; returns it in version 1. */
  insert<T extends Versioned, I extends string>(
    kind: Kind<T, number, I>,
    make: (id: number) => Omit<T, "version">,
  ): T;
  /**
   * Inserts an object under the key it bears: leases, imported objects. Ids given later are higher.
   * @throws GatehouseError `conflict` when there is one under that key.
   */
  insertWithId<T extends Versioned, K extends Key, I extends string>(
    kind: Kind<T, K, I>,
    object: Omit<T, "version">,
  ): T;
  /**
   * Replaces an object by one made from its current version; returns it with the next version.
   * @throws GatehouseError `not_found` when there is none, `conflict` when `object` comes from an older version.
   */
  put<T extends Versioned, K extends Key, I extends string>(kind: Kind<T, K, I>, object: T): T;
  /** False when there is none. */
  delete<T extends Versioned, K extends Key, I extends string>(kind: Kind<T, K, I>, key: K): boolean;

  /** Runs once the transaction is durable, in the order of commits, before anybody who waits goes on; must not throw. */
  after(effect: () => void): void;
}

interface Counter extends Versioned {
  /** The kind whose ids it counts. */
  readonly name: string;
  readonly next: number;
}

/** The next id of each kind, stored like any object, so an id is not given twice, not even after a deletion. */
export const COUNTERS = defineKind({ name: "counter", keyOf: (counter: Counter) => counter.name });

export class RegistryTransaction implements Transaction {
  readonly #tables: Tables;
  /** The tables it has looked at: all that a commit has to ask for changes. */
  readonly touched = new Set<AnyTable>();
  readonly #effects: (() => void)[] = [];
  #open = true;

  constructor(tables: Tables) {
    this.#tables = tables;
  }

  get<T extends Versioned, K extends Key, I extends string>(kind: Kind<T, K, I>, key: K): T | undefined {
    return this.#table(kind).draft.get(key);
  }

  values<T extends Versioned, K extends Key, I extends string>(kind: Kind<T, K, I>): Iterable<T> {
    return this.#table(kind).draft.values();
  }

  by<T extends Versioned, K extends Key, I extends string>(
    kind: Kind<T, K, I>,
    index: NoInfer<I>,
    indexKey: IndexKey,
  ): readonly T[] {
    return this.#table(kind).draft.by(index, indexKey);
  }

  nextId<T extends Versioned, I extends string>(kind: Kind<T, number, I>): number {
    const id = this.get(COUNTERS, kind.name)?.next ?? kind.firstId;
    this.#count(kind.name, id + 1);
    return id;
  }

  insert<T extends Versioned, I extends string>(
    kind: Kind<T, number, I>,
    make: (id: number) => Omit<T, "version">,
  ): T {
    const table = this.#table(kind);
    const id = this.nextId(kind);
    const { key, object } = table.insert(make(id));
    if (key === id) return object;
    throw new GatehouseError("internal", `The new ${kind.name} ${id} was made with the id ${key}.`);
  }

  insertWithId<T extends Versioned, K extends Key, I extends string>(
    kind: Kind<T, K, I>,
    object: Omit<T, "version">,
  ): T {
    const inserted = this.#table(kind).insert(object);
    if (typeof inserted.key === "number") {
      const next = this.get(COUNTERS, kind.name)?.next ?? kind.firstId;
      if (inserted.key >= next) this.#count(kind.name, inserted.key + 1);
    }
    return inserted.object;
  }

  put<T extends Versioned, K extends Key, I extends string>(kind: Kind<T, K, I>, object: T): T {
    return this.#table(kind).replace(object);
  }

  delete<T extends Versioned, K extends Key, I extends string>(kind: Kind<T, K, I>, key: K): boolean {
    return this.#table(kind).remove(key);
  }

  after(effect: () => void): void {
    this.#refuseEnded();
    this.#effects.push(effect);
  }

  /** The work has returned: nothing more is taken. Returns what is to be run once all is durable. */
  end(): readonly (() => void)[] {
    this.#open = false;
    return this.#effects;
  }

  #count(kindName: string, next: number): void {
    const counter = this.get(COUNTERS, kindName);
    if (counter === undefined) this.insertWithId(COUNTERS, { name: kindName, next });
    else this.put(COUNTERS, { ...counter, next });
  }

  #table<T extends Versioned, K extends Key, I extends string>(kind: Kind<T, K, I>): Table<T, K, I> {
    this.#refuseEnded();
    const table = this.#tables.of(kind);
    // Of no matter which type, once only its drafts are asked for.
    this.touched.add(table as unknown as AnyTable);
    return table;
  }

  #refuseEnded(): void {
    if (!this.#open)
      throw new GatehouseError("internal", "A transaction was used after its work had returned.");
  }
}
