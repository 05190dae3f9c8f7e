/**
 * Views of the objects of one kind, one laid over the other: what is durable, over it what is committed but not
 * yet durable, over that what a running transaction has changed. The upper ones are small and hold only changes.
 */

import { Indexes } from "./indexes.ts";
import type { IndexKey, Key, Kind, Versioned } from "./kind.ts";

export interface View<T extends Versioned, K extends Key = number, I extends string = never> {
  get(key: K): T | undefined;
  has(key: K): boolean;
  /** In the order in which they were inserted; after a restart, in the order of their keys. */
  values(): Iterable<T>;
  /** All objects that the index has under `indexKey`, in no particular order. */
  by(index: I, indexKey: IndexKey): readonly T[];
}

/** What is durable; all that readers outside transactions see. */
export interface ReadonlyCollection<T extends Versioned, K extends Key = number, I extends string = never>
  extends View<T, K, I> {
  readonly size: number;
}

export class DurableObjects<T extends Versioned, K extends Key, I extends string>
  implements ReadonlyCollection<T, K, I>
{
  readonly #objects = new Map<K, T>();
  readonly #indexes: Indexes<T, K, I>;

  constructor(kind: Kind<T, K, I>) {
    this.#indexes = new Indexes(kind);
  }

  get size(): number {
    return this.#objects.size;
  }

  get(key: K): T | undefined {
    return this.#objects.get(key);
  }

  has(key: K): boolean {
    return this.#objects.has(key);
  }

  values(): Iterable<T> {
    return this.#objects.values();
  }

  by(index: I, indexKey: IndexKey): readonly T[] {
    return this.#indexes.keys(index, indexKey).flatMap((key) => this.#objects.get(key) ?? []);
  }

  /** Puts an object in the place of what is there; undefined removes it. */
  set(key: K, object: T | undefined): void {
    const old = this.#objects.get(key);
    if (old !== undefined) this.#indexes.remove(key, old);
    if (object === undefined) {
      this.#objects.delete(key);
      return;
    }
    this.#objects.set(key, object);
    this.#indexes.add(key, object);
  }
}

/** What one transaction made of one object; undefined where there is none. */
export interface Write<T> {
  readonly before: T | undefined;
  readonly after: T | undefined;
}

export class Overlay<T extends Versioned, K extends Key, I extends string> implements View<T, K, I> {
  readonly #kind: Kind<T, K, I>;
  readonly #base: View<T, K, I>;
  readonly #writes = new Map<K, Write<T>>();
  readonly #indexes: Indexes<T, K, I>;

  constructor(kind: Kind<T, K, I>, base: View<T, K, I>) {
    this.#kind = kind;
    this.#base = base;
    this.#indexes = new Indexes(kind);
  }

  get(key: K): T | undefined {
    const write = this.#writes.get(key);
    return write === undefined ? this.#base.get(key) : write.after;
  }

  has(key: K): boolean {
    return this.get(key) !== undefined;
  }

  *values(): Iterable<T> {
    for (const object of this.#base.values()) {
      const write = this.#writes.get(this.#kind.keyOf(object));
      if (write === undefined) yield object;
      else if (write.after !== undefined) yield write.after;
    }
    for (const [key, { after }] of this.#writes) {
      if (after !== undefined && !this.#base.has(key)) yield after;
    }
  }

  by(index: I, indexKey: IndexKey): readonly T[] {
    const below = this.#base.by(index, indexKey);
    if (this.#writes.size === 0) return below;
    const kept = below.filter((object) => !this.#writes.has(this.#kind.keyOf(object)));
    const written = this.#indexes.keys(index, indexKey).flatMap((key) => this.#writes.get(key)?.after ?? []);
    return [...kept, ...written];
  }

  /** What this layer itself holds of an object. */
  writeOf(key: K): Write<T> | undefined {
    return this.#writes.get(key);
  }

  /** What this layer itself holds, in the order of writing. */
  writes(): readonly (readonly [K, Write<T>])[] {
    return this.#writes.size === 0 ? [] : [...this.#writes];
  }

  write(key: K, write: Write<T>): void {
    this.forget(key);
    this.#writes.set(key, write);
    if (write.after !== undefined) this.#indexes.add(key, write.after);
  }

  forget(key: K): void {
    const write = this.#writes.get(key);
    if (write === undefined) return;
    this.#writes.delete(key);
    if (write.after !== undefined) this.#indexes.remove(key, write.after);
  }

  clear(): void {
    if (this.#writes.size === 0) return;
    this.#writes.clear();
    this.#indexes.clear();
  }
}
