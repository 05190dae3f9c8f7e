/** Looks at the core again and again while somebody listens, and no oftener than the core can bear. */

import type { Clock } from "../../../shared/clock.ts";
import { errorText } from "../../../shared/errors.ts";
import type { Logger } from "../../../shared/log.ts";
import { AnswerTooLarge } from "./refusals.ts";

/** Between two looks lies at least so many times what one takes: looking is at most a fifth of what the core does. */
const MIN_REST = 4;

/** What is followed. */
export interface Followed {
  readonly name: string;
  /** What is large and seldom changes is looked at no oftener than this. */
  readonly restMs?: number;
  /** Looks at all there is, once. */
  poll(): Promise<void>;
  listen(isListening: boolean): void;
  /** What is not known from then on is new. */
  follow(): void;
}

export interface FollowerOptions {
  readonly followed: readonly Followed[];
  readonly clock: Clock;
  readonly log: Logger;
  readonly pollMs: number;
}

export class Follower {
  readonly #options: FollowerOptions;
  /** What was seen once, or never will be. */
  readonly #begun = new Set<Followed>();
  /** What was seen once. */
  readonly #following = new Set<Followed>();
  readonly #looked = new Map<Followed, number>();
  #cancel: (() => void) | undefined;
  #first: Promise<void> | undefined;
  /** Counts up with each start and stop, so that a look from before is seen to be one. */
  #era = 0;
  readonly #failing = new Set<Followed>();

  constructor(options: FollowerOptions) {
    this.#options = options;
  }

  start(): void {
    this.#era += 1;
    for (const followed of this.#options.followed) followed.listen(true);
    this.#first = this.#round(this.#era);
  }

  stop(): void {
    this.#era += 1;
    this.#cancel?.();
    this.#cancel = undefined;
    this.#first = undefined;
    for (const followed of this.#options.followed) followed.listen(false);
    this.#begun.clear();
    this.#following.clear();
    this.#failing.clear();
    this.#looked.clear();
  }

  /** Looks now, if it is not looking already. */
  soon(): void {
    if (this.#cancel === undefined) return;
    this.#cancel();
    this.#cancel = undefined;
    this.#first = this.#round(this.#era);
  }

  /** Once it is known, or cannot be known now, what there was before, so that what is made from then on is told as new; never rejects. */
  async ready(): Promise<void> {
    // A later look at everything is nothing to wait for: it may take minutes.
    if (this.#begun.size === this.#options.followed.length) return;
    await this.#first;
    // The core was away then, and may be back: what is done now must not look as if it had always been so.
    if (this.#begun.size < this.#options.followed.length) this.soon();
    await this.#first;
  }

  async #round(era: number): Promise<void> {
    const { clock, pollMs, followed } = this.#options;
    const began = clock.elapsed();
    for (const one of followed) {
      const isDue = began - (this.#looked.get(one) ?? Number.NEGATIVE_INFINITY) >= (one.restMs ?? 0);
      if (era === this.#era && isDue) await this.#poll(one, era);
    }
    if (era !== this.#era) return;
    const restMs = Math.max(pollMs, (clock.elapsed() - began) * MIN_REST);
    this.#cancel = clock.after(restMs, () => {
      this.#cancel = undefined;
      void this.#round(era);
    });
  }

  async #poll(followed: Followed, era: number): Promise<void> {
    const { log } = this.#options;
    try {
      await followed.poll();
      if (era !== this.#era) return;
      this.#looked.set(followed, this.#options.clock.elapsed());
      if (!this.#following.has(followed)) followed.follow();
      this.#following.add(followed);
      this.#begun.add(followed);
      this.#failing.delete(followed);
    } catch (error) {
      // The core says for itself when it is away; what it answers and nobody can read is said here, once.
      const isNew = this.#failing.size === 0 || error instanceof AnswerTooLarge;
      if (isNew && !this.#failing.has(followed))
        log.warn({ what: followed.name, reason: errorText(error) }, "OpenNebula was not looked at");
      this.#failing.add(followed);
      // Nobody need wait for what will be too large again.
      if (error instanceof AnswerTooLarge && era === this.#era) this.#begun.add(followed);
    }
  }
}
