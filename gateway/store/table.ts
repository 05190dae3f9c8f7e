/** All objects of one kind, in three layers: durable, committed and waiting for the disk, and the running transaction's draft. */

import { GatehouseError } from "../../shared/errors.ts";
import type { Key, Kind, KindDefinition, Versioned } from "./kind.ts";
import type { Change, StoredObject } from "./store.ts";
import { DurableObjects, Overlay, type Write } from "./view.ts";

/** What a transaction did to one table, on its way to the disk. */
export interface Staged<T> {
  /** One for each object it touched. */
  writes(): readonly Write<T>[];
  settle(): void;
}

export class Table<T extends Versioned, K extends Key, I extends string> {
  readonly #kind: Kind<T, K, I>;
  /** What readers see. */
  readonly durable: DurableObjects<T, K, I>;
  /** Over it, what is committed and not yet durable. */
  readonly #newest: Overlay<T, K, I>;
  /** Over that, what the running transaction has changed. Transactions run one after another, so one draft does. */
  readonly draft: Overlay<T, K, I>;
  #loading: (readonly [K, T])[] = [];

  constructor(kind: Kind<T, K, I>) {
    this.#kind = kind;
    this.durable = new DurableObjects(kind);
    this.#newest = new Overlay(kind, this.durable);
    this.draft = new Overlay(kind, this.#newest);
  }

  /** @throws GatehouseError `conflict` when there is one under its key. */
  insert(content: Omit<T, "version">): { readonly key: K; readonly object: T } {
    // T is its content and a version; generics cannot say so.
    const unversioned = content as T;
    const key = this.#kind.keyOf(unversioned);
    if (this.draft.has(key)) {
      throw new GatehouseError("conflict", `There is a ${this.#kind.name} ${key} already.`);
    }
    return { key, object: this.#write(key, unversioned) };
  }

  /** @throws GatehouseError `not_found` when there is none, `conflict` when it comes from an older version. */
  replace(object: T): T {
    const key = this.#kind.keyOf(object);
    const current = this.draft.get(key);
    if (current === undefined) {
      throw new GatehouseError("not_found", `There is no ${this.#kind.name} ${key} to change.`);
    }
    if (object.version !== current.version) {
      throw new GatehouseError(
        "conflict",
        `The change of ${this.#kind.name} ${key} was made from version ${object.version}, which is no longer the current one (${current.version}).`,
      );
    }
    return this.#write(key, object);
  }

  /** False when there is none. */
  remove(key: K): boolean {
    if (!this.draft.has(key)) return false;
    const before = this.#before(key);
    // What this transaction itself inserted leaves no trace.
    if (before === undefined) this.draft.forget(key);
    else this.draft.write(key, { before, after: undefined });
    return true;
  }

  /** An object changed twice in one transaction is written once, so its version rises once. */
  #write(key: K, content: T): T {
    const before = this.#before(key);
    const after = { ...content, version: (before?.version ?? 0) + 1 };
    this.draft.write(key, { before, after });
    return after;
  }

  #before(key: K): T | undefined {
    const own = this.draft.writeOf(key);
    return own === undefined ? this.#newest.get(key) : own.before;
  }

  /** What the draft means for the store. */
  changes(): readonly Change[] {
    return this.draft.writes().map(([key, { before, after }]) => ({
      kind: this.#kind.name,
      key: String(key),
      version: (before?.version ?? 0) + 1,
      body: after === undefined ? null : this.#kind.toJson(after),
    }));
  }

  /** The draft becomes the newest state; `settle`, called when it is durable, shows it to readers. */
  stage(): Staged<T> {
    const writes = this.draft.writes();
    this.draft.clear();
    for (const [key, write] of writes) this.#newest.write(key, write);
    const settle = (): void => {
      for (const [key, write] of writes) {
        this.durable.set(key, write.after);
        if (this.#newest.writeOf(key) === write) this.#newest.forget(key);
      }
    };
    return { writes: () => writes.map(([, write]) => write), settle };
  }

  discardDraft(): void {
    this.draft.clear();
  }

  /** The newest state is again what is durable. */
  dropPending(): void {
    this.#newest.clear();
  }

  /**
   * Takes a stored row; it counts once loading is finished.
   * @throws GatehouseError `unavailable` when it is no object of the kind.
   */
  load(row: StoredObject): void {
    this.#loading.push(this.#parse(row));
  }

  /** The store orders keys as text, where 10 comes before 9; here they stand in their own order. */
  finishLoading(): void {
    this.#loading.sort(([one], [other]) => (one < other ? -1 : 1));
    for (const [key, object] of this.#loading) this.durable.set(key, object);
    this.#loading = [];
  }

  /** Rows are what this house wrote itself; so only damage is looked for, not every attribute. */
  #parse(row: StoredObject): readonly [K, T] {
    try {
      const object = JSON.parse(row.body) as T;
      const key = this.#kind.keyOf(object);
      if (String(key) === row.key && object.version === row.version) return [key, object];
    } catch {
      // The parser's own message would quote the text, which may hold secrets.
    }
    throw new GatehouseError(
      "unavailable",
      `The store is damaged: ${row.kind} ${row.key} is not an object of its kind in version ${row.version}.`,
    );
  }
}

/** A table whose types do not matter. */
export type AnyTable = Table<never, Key, string>;

/** The tables of a registry, by kind. */
export class Tables {
  readonly #byKind = new Map<unknown, AnyTable>();
  readonly #byName = new Map<string, AnyTable>();

  constructor(kinds: readonly KindDefinition[]) {
    for (const kind of kinds) {
      if (this.#byName.has(kind.name)) {
        throw new GatehouseError("internal", `Two kinds are named ${kind.name}.`);
      }
      const table: AnyTable = new Table(kind);
      this.#byKind.set(kind, table);
      this.#byName.set(kind.name, table);
    }
  }

  /** @throws GatehouseError `internal` when the kind was not given when the registry was opened. */
  of<T extends Versioned, K extends Key, I extends string>(kind: Kind<T, K, I>): Table<T, K, I> {
    const table = this.#byKind.get(kind);
    if (table === undefined) {
      throw new GatehouseError(
        "internal",
        `The kind ${kind.name} was not given when the registry was opened.`,
      );
    }
    // The table under a token was made from that token, which the compiler cannot follow through a Map.
    return table as unknown as Table<T, K, I>;
  }

  named(name: string): AnyTable | undefined {
    return this.#byName.get(name);
  }

  all(): Iterable<AnyTable> {
    return this.#byName.values();
  }
}
