/** Looks at the core again and again while somebody listens, and no oftener than the core can bear. */

import type { Clock } from "../../../shared/clock.ts";
import { errorText, isGatehouseError } from "../../../shared/errors.ts";
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
  /** Ends the rest between two looks; undefined while there is none. */
  #cancel: (() => void) | undefined;
  /** The look that is under way, or was the last; undefined: nobody listens. */
  #looks: Promise<void> | undefined;
  /** What is under way may be past what changed. */
  #isAgain = false;
  /** ms of the clock from which on the core can bear another look. */
  #earliest = 0;
  /** Counts up with each start and stop, so that a look from before is seen to be one. */
  #era = 0;
  readonly #failing = new Set<Followed>();

  constructor(options: FollowerOptions) {
    this.#options = options;
  }

  start(): void {
    this.#era += 1;
    for (const followed of this.#options.followed) followed.listen(true);
    this.#begin();
  }

  stop(): void {
    this.#era += 1;
    this.#cancel?.();
    this.#cancel = undefined;
    this.#looks = undefined;
    for (const followed of this.#options.followed) followed.listen(false);
    this.#begun.clear();
    this.#following.clear();
    this.#failing.clear();
    this.#looked.clear();
  }

  /** Looks at all of it as soon as the core can bear it; where a look is under way, once more after it. */
  soon(): void {
    if (this.#looks === undefined) return;
    this.#looked.clear();
    if (this.#cancel === undefined) this.#isAgain = true;
    else this.#restUntil(this.#earliest);
  }

  /** Once it is known, or cannot be known now, what there was before, so that what is made from then on is told as new; never rejects. */
  async ready(): Promise<void> {
    // A later look at everything is nothing to wait for: it may take minutes.
    if (this.#isBegun()) return;
    await this.#looks;
    // The core was away then, and may be back: what is done now must not look as if it had always been so.
    if (!this.#isBegun() && this.#cancel !== undefined) this.#begin();
    await this.#looks;
  }

  #isBegun(): boolean {
    return this.#begun.size === this.#options.followed.length;
  }

  #begin(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#looks = this.#look(this.#era);
  }

  async #look(era: number): Promise<void> {
    const { clock, pollMs } = this.#options;
    this.#isAgain = false;
    const began = clock.elapsed();
    await this.#round(era, began);
    if (era !== this.#era) return;
    const ended = clock.elapsed();
    this.#earliest = ended + (ended - began) * MIN_REST;
    this.#restUntil(this.#isAgain ? this.#earliest : Math.max(ended + pollMs, this.#earliest));
  }

  /** Whoever asks for looks without end gets no more of them than the core can bear. */
  #restUntil(at: number): void {
    const { clock } = this.#options;
    const restMs = at - clock.elapsed();
    this.#cancel?.();
    if (restMs > 0) this.#cancel = clock.after(restMs, () => this.#begin());
    else this.#begin();
  }

  async #round(era: number, began: number): Promise<void> {
    for (const one of this.#options.followed) {
      const isDue = began - (this.#looked.get(one) ?? Number.NEGATIVE_INFINITY) >= (one.restMs ?? 0);
      if (era === this.#era && isDue) await this.#poll(one, era);
    }
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
      const isLasting = !isAway(error);
      if ((isLasting || this.#failing.size === 0) && !this.#failing.has(followed))
        log.warn({ what: followed.name, reason: errorText(error) }, "OpenNebula was not looked at");
      this.#failing.add(followed);
      // Nobody need wait for what will be so again.
      if (isLasting && era === this.#era) this.#begun.add(followed);
    }
  }
}

/** What is too large, refused, or no answer that can be read, will be so the next time. */
function isAway(error: unknown): boolean {
  return isGatehouseError(error) && error.code === "unavailable" && !(error instanceof AnswerTooLarge);
}
