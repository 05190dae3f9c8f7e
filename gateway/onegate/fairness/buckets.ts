/**
 * Token buckets in one number a key (GCRA): the moment at which the key's bucket will be full again. No timer fills
 * them, and one that is full again is the same as none.
 */

/** Keys remembered, of each policy. A key and its number take about 100 bytes. */
const MAX_KEYS = 65_536;
/** How many entries are looked at to make room for one. */
const LOOKED_AT = 16;
/** Sums of intervals that no binary fraction meets. */
const ROUNDING_MS = 1e-3;

export interface Rate {
  readonly perSecond: number;
  /** How many may come at once. */
  readonly burst: number;
}

export class Buckets<Key> {
  /** What one request costs, and what may be owed. */
  readonly #costMs: number;
  readonly #mostMs: number;
  readonly #maxKeys: number;
  readonly #fullAt = new Map<Key, number>();
  #round = this.#fullAt.entries();

  constructor({ perSecond, burst }: Rate, maxKeys = MAX_KEYS) {
    this.#costMs = 1_000 / perSecond;
    this.#mostMs = burst * this.#costMs;
    this.#maxKeys = maxKeys;
  }

  get size(): number {
    return this.#fullAt.size;
  }

  /** When the bucket would be full again if one more was taken. `nowMs` is `Clock.elapsed`, here and below. */
  afterOne(key: Key, nowMs: number): number {
    const fullAt = this.#fullAt.get(key);
    return (fullAt !== undefined && fullAt > nowMs ? fullAt : nowMs) + this.#costMs;
  }

  /** How long it is until a request fits that leads to `fullAt`; 0: it fits. */
  waitMs(fullAt: number, nowMs: number): number {
    const over = fullAt - nowMs - this.#mostMs;
    return over > ROUNDING_MS ? over : 0;
  }

  /** What is left when the bucket is full again at `fullAt`, in whole requests. */
  left(fullAt: number, nowMs: number): number {
    return Math.max(0, Math.floor((this.#mostMs - (fullAt - nowMs) + ROUNDING_MS) / this.#costMs));
  }

  /** What was taken lately and is not yet paid for, in whole requests. */
  owed(key: Key, nowMs: number): number {
    return Math.ceil((this.afterOne(key, nowMs) - this.#costMs - nowMs - ROUNDING_MS) / this.#costMs);
  }

  /** Sets down what `afterOne` said, cut to what may be owed. */
  take(key: Key, fullAt: number, nowMs: number): void {
    if (this.#fullAt.size >= this.#maxKeys && !this.#fullAt.has(key)) this.#makeRoom(nowMs);
    this.#fullAt.set(key, Math.min(fullAt, nowMs + this.#mostMs));
  }

  /**
   * Forgets who owes nothing among a few entries, or else who owes least of them: to have a large debt forgotten,
   * somebody would have to run up larger ones around it.
   */
  #makeRoom(nowMs: number): void {
    let least: Key | undefined;
    let leastAt = Number.POSITIVE_INFINITY;
    let freed = false;
    for (let looked = 0; looked < LOOKED_AT; looked += 1) {
      const entry = this.#nextEntry();
      if (entry === undefined) break;
      const [key, fullAt] = entry;
      if (fullAt <= nowMs) freed = this.#fullAt.delete(key);
      else if (fullAt < leastAt) [least, leastAt] = [key, fullAt];
    }
    if (!freed && least !== undefined) this.#fullAt.delete(least);
  }

  /** Round and round through the table, in the order in which keys came. */
  #nextEntry(): [Key, number] | undefined {
    const next = this.#round.next();
    if (next.done !== true) return next.value;
    this.#round = this.#fullAt.entries();
    const first = this.#round.next();
    return first.done === true ? undefined : first.value;
  }
}
