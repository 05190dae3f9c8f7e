/**
 * Budgets for costly work on behalf of others: a bucket of tokens for each key, filled by elapsed time, and one for
 * all together. The daemon asks before it decrypts RSA, so that junk in one host's name starves that host alone.
 */

export interface BudgetRule {
  /** Tokens that an idle bucket holds; what one message may cost at most. */
  readonly burst: number;
  readonly perSecond: number;
}

/**
 * For RSA blocks of one host. OpenNebula's agent with 20 VMs needs about 3 blocks a second (75 of MONITOR_VM in 30 s,
 * 58 of SYSTEM_HOST in 600 s); 32 are 1% of a core with a key of 2,048 bits.
 */
export const RSA_BUDGET_PER_HOST: BudgetRule = Object.freeze({ burst: 512, perSecond: 32 });

/** For RSA blocks of all hosts: at 0.3 ms a block, half a core. */
export const RSA_BUDGET_OVERALL: BudgetRule = Object.freeze({ burst: 4096, perSecond: 1600 });

/** Hosts of one daemon; more keys than this share the budget of all. */
const MAX_KEYS = 65_536;

/** One bucket. Times are ms of Clock.elapsed; one that goes back fills nothing. */
export class TokenBucket {
  readonly #rule: BudgetRule;
  #tokens: number;
  #filledAtMs: number;

  constructor(rule: BudgetRule, elapsedMs: number) {
    this.#rule = rule;
    this.#tokens = rule.burst;
    this.#filledAtMs = elapsedMs;
  }

  /** Whether so many tokens are there now. */
  has(tokens: number, elapsedMs: number): boolean {
    this.#fill(elapsedMs);
    return tokens <= this.#tokens;
  }

  /** Takes them, if they are there. */
  take(tokens: number, elapsedMs: number): boolean {
    if (!this.has(tokens, elapsedMs)) return false;
    this.#tokens -= tokens;
    return true;
  }

  /** Whether it is as one that was never asked. */
  isFull(elapsedMs: number): boolean {
    return this.has(this.#rule.burst, elapsedMs);
  }

  #fill(elapsedMs: number): void {
    const passedMs = Math.max(0, elapsedMs - this.#filledAtMs);
    this.#tokens = Math.min(this.#rule.burst, this.#tokens + (passedMs * this.#rule.perSecond) / 1000);
    this.#filledAtMs = Math.max(this.#filledAtMs, elapsedMs);
  }
}

/** A bucket for each key and one for all; keys that are idle are forgotten. */
export class KeyedBudget {
  readonly #perKey: BudgetRule;
  readonly #overall: TokenBucket;
  readonly #buckets = new Map<number | string, TokenBucket>();

  constructor(perKey: BudgetRule, overall: BudgetRule, elapsedMs: number) {
    this.#perKey = perKey;
    this.#overall = new TokenBucket(overall, elapsedMs);
  }

  /** Takes from the key's bucket and from the one for all, or from neither. */
  take(key: number | string, tokens: number, elapsedMs: number): boolean {
    const bucket = this.#bucketOf(key, elapsedMs);
    if (!(bucket?.has(tokens, elapsedMs) ?? true) || !this.#overall.take(tokens, elapsedMs)) return false;
    return bucket?.take(tokens, elapsedMs) ?? true;
  }

  /** Keys that are remembered. */
  get size(): number {
    return this.#buckets.size;
  }

  /** Forgets keys whose buckets are full again; call it now and then. */
  forgetIdle(elapsedMs: number): void {
    for (const [key, bucket] of this.#buckets) if (bucket.isFull(elapsedMs)) this.#buckets.delete(key);
  }

  #bucketOf(key: number | string, elapsedMs: number): TokenBucket | undefined {
    const known = this.#buckets.get(key);
    if (known !== undefined || this.#buckets.size >= MAX_KEYS) return known;
    const bucket = new TokenBucket(this.#perKey, elapsedMs);
    this.#buckets.set(key, bucket);
    return bucket;
  }
}
