/** The secondary indexes over one set of objects: from what an index function says to the keys of the objects. */

import { GatehouseError } from "../../shared/errors.ts";
import type { IndexFunction, IndexKey, Key, Kind, Versioned } from "./kind.ts";

interface Index<T, K> {
  readonly of: IndexFunction<T>;
  /** A lone key stands without a set: an index by name of 100,000 VMs would otherwise be 100,000 sets. */
  readonly keys: Map<IndexKey, K | Set<K>>;
}

export class Indexes<T extends Versioned, K extends Key, I extends string> {
  readonly #kindName: string;
  readonly #indexes: ReadonlyMap<string, Index<T, K>>;

  constructor(kind: Kind<T, K, I>) {
    this.#kindName = kind.name;
    const functions = Object.entries<IndexFunction<T>>(kind.indexes);
    this.#indexes = new Map(functions.map(([name, of]) => [name, { of, keys: new Map() }]));
  }

  add(key: K, object: T): void {
    for (const { of, keys } of this.#indexes.values()) {
      for (const indexKey of listed(of(object))) addKey(keys, indexKey, key);
    }
  }

  /** `object` must be the very one that was added. */
  remove(key: K, object: T): void {
    for (const { of, keys } of this.#indexes.values()) {
      for (const indexKey of listed(of(object))) removeKey(keys, indexKey, key);
    }
  }

  /** The keys of the objects under `indexKey`. */
  keys(name: I, indexKey: IndexKey): readonly K[] {
    const index = this.#indexes.get(name);
    if (index === undefined) throw new GatehouseError("internal", `${this.#kindName} has no index ${name}.`);
    const found = index.keys.get(indexKey);
    if (found === undefined) return [];
    return found instanceof Set ? [...found] : [found];
  }

  clear(): void {
    for (const { keys } of this.#indexes.values()) keys.clear();
  }
}

function listed(keys: IndexKey | readonly IndexKey[] | undefined): readonly IndexKey[] {
  if (keys === undefined) return [];
  return typeof keys === "object" ? keys : [keys];
}

function addKey<K>(keys: Map<IndexKey, K | Set<K>>, indexKey: IndexKey, key: K): void {
  const found = keys.get(indexKey);
  if (found === undefined) keys.set(indexKey, key);
  else if (found instanceof Set) found.add(key);
  else if (found !== key) keys.set(indexKey, new Set([found, key]));
}

function removeKey<K>(keys: Map<IndexKey, K | Set<K>>, indexKey: IndexKey, key: K): void {
  const found = keys.get(indexKey);
  if (found instanceof Set) {
    found.delete(key);
    if (found.size === 0) keys.delete(indexKey);
  } else if (found === key) {
    keys.delete(indexKey);
  }
}
