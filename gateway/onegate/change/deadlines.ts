/** Deadlines of thousands, kept in buckets that one coarse timer looks at, and none while nobody waits. */

import type { Clock } from "../../../shared/clock.ts";

/** So late a deadline may be, and never early. */
export const TICK_MS = 250;

/** Where an item stands, for taking it out again. */
export type Bucket = number;

export class Deadlines<T> {
  readonly #clock: Clock;
  readonly #onDue: (item: T) => void;
  readonly #buckets = new Map<Bucket, Set<T>>();
  #cancelTick: (() => void) | undefined;

  constructor(clock: Clock, onDue: (item: T) => void) {
    this.#clock = clock;
    this.#onDue = onDue;
  }

  add(item: T, inMs: number): Bucket {
    const bucket = Math.ceil((this.#clock.elapsed() + inMs) / TICK_MS);
    const items = this.#buckets.get(bucket);
    if (items === undefined) this.#buckets.set(bucket, new Set([item]));
    else items.add(item);
    this.#cancelTick ??= this.#clock.after(TICK_MS, this.#tick);
    return bucket;
  }

  remove(item: T, bucket: Bucket): void {
    const items = this.#buckets.get(bucket);
    items?.delete(item);
    if (items?.size === 0) this.#buckets.delete(bucket);
    if (this.#buckets.size > 0) return;
    this.#cancelTick?.();
    this.#cancelTick = undefined;
  }

  /** The buckets are few: one for each quarter of a second of the longest wait. */
  readonly #tick = (): void => {
    this.#cancelTick = this.#clock.after(TICK_MS, this.#tick);
    const now = this.#clock.elapsed() / TICK_MS;
    for (const [bucket, items] of [...this.#buckets]) {
      if (bucket > now) continue;
      for (const item of [...items]) this.#onDue(item);
    }
  };
}
