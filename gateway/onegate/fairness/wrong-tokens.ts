/**
 * What makes guessing slow. The answer to a wrong token is late, the later the more of them its address had lately; a
 * right one has been let through before anybody asks here, so it is neither late nor refused.
 */

import type { Clock } from "../../../shared/clock.ts";
import { Buckets } from "./buckets.ts";
import { RateLimitedError } from "./limits.ts";

/** So many cost nothing; each is forgotten after this time, one after another. */
const FREE = 8;
const FORGET_S = 15;
const STEP_MS = 25;
const MAX_DELAY_MS = 1_000;
/** More than this many are not counted: they would cost no more. */
const MAX_COUNTED = FREE + MAX_DELAY_MS / STEP_MS;
/** Late answers of one address at a time, and of all: each holds a connection and a timer. */
const MAX_LATE_PER_ADDRESS = 8;
const MAX_LATE = 1_024;

/** The numbers, for `GET /limits`. */
export const WRONG_TOKENS = {
  free: FREE,
  forgottenAfterS: FORGET_S,
  stepMs: STEP_MS,
  maxDelayMs: MAX_DELAY_MS,
  lateAtOnce: MAX_LATE_PER_ADDRESS,
} as const;

export class WrongTokens {
  readonly #clock: Clock;
  readonly #counts = new Buckets<string>({ perSecond: 1 / FORGET_S, burst: MAX_COUNTED });
  /** Answers of each address that wait for their time; addresses without one are not in it. */
  readonly #late = new Map<string, number>();
  #lateInAll = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Counts a wrong token of an address; `key` is what it counts as. The answer is due when the promise ends; undefined:
   * at once.
   * @throws RateLimitedError when too many answers wait already.
   */
  delay(key: string): Promise<void> | undefined {
    const now = this.#clock.elapsed();
    this.#counts.take(key, this.#counts.afterOne(key, now), now);
    const over = this.#counts.owed(key, now) - FREE;
    if (over <= 0) return undefined;
    const late = this.#late.get(key) ?? 0;
    if (late >= MAX_LATE_PER_ADDRESS || this.#lateInAll >= MAX_LATE) {
      throw new RateLimitedError(
        `Too many requests without a right token: at most ${MAX_LATE_PER_ADDRESS} of one address are answered at a time; ask again in 1 s.`,
        1,
        undefined,
        "wrong_token",
      );
    }
    this.#late.set(key, late + 1);
    this.#lateInAll += 1;
    return new Promise((resolve) => {
      this.#clock.after(Math.min(over * STEP_MS, MAX_DELAY_MS), () => {
        this.#answered(key);
        resolve();
      });
    });
  }

  #answered(key: string): void {
    this.#lateInAll -= 1;
    const left = (this.#late.get(key) ?? 1) - 1;
    if (left === 0) this.#late.delete(key);
    else this.#late.set(key, left);
  }
}
