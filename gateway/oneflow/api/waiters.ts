/**
 * Requests that wait for a change of a document, or of a pool. Each is entered before it first looks, and what happens
 * while it looks is kept for it, so no change falls between.
 */

import type { Clock } from "../../../shared/clock.ts";
import { GatehouseError } from "../../../shared/errors.ts";
import type { Cloud } from "../../cloud/cloud.ts";
import type { CloudEvent } from "../../cloud/event.ts";

/** In the whole house, and of one user; connections are for others, too. */
const MAX_WAITERS = 1_000;
const MAX_PER_USER = 100;

/** What an answer is made of: one document, or every document of a type. */
export type Watched = { readonly id: number } | { readonly type: number };

/** Why a waiter is woken: look again, give what you have, or give up. */
export type Wake = "changed" | "due" | "gone";

/** One request that waits. */
export interface Waiting {
  /** The next reason to wake; one that came meanwhile is told at once. */
  next(): Promise<Wake>;
  /** Must be called in the end. */
  leave(): void;
}

export interface WaitersOptions {
  readonly cloud: Pick<Cloud, "subscribe">;
  readonly clock: Clock;
  /** Aborted when the house closes: everybody is answered then, and whoever still comes at once. */
  readonly closing?: AbortSignal | undefined;
  readonly maxInAll?: number | undefined;
  readonly maxPerUser?: number | undefined;
}

export interface WaitRequest {
  readonly uid: number;
  readonly watched: Watched;
  readonly waitMs: number;
  /** Calls back once the client has gone; the returned function ends that. */
  onGone(listener: () => void): () => void;
}

interface Waiter extends WaitRequest {
  /** Since it was last told; the weightier stays. */
  wake: Wake | undefined;
  tell: ((wake: Wake) => void) | undefined;
}

export class FlowWaiters {
  readonly #options: WaitersOptions;
  readonly #all = new Set<Waiter>();
  readonly #perUser = new Map<number, number>();
  #unsubscribe: (() => void) | undefined;

  constructor(options: WaitersOptions) {
    this.#options = options;
    options.closing?.addEventListener("abort", () => {
      for (const waiter of this.#all) wake(waiter, "due");
    });
  }

  /** How many wait. */
  get size(): number {
    return this.#all.size;
  }

  /** @throws GatehouseError `rate_limited` when the user has too many waiters, `unavailable` when the house has */
  enter(request: WaitRequest): Waiting {
    this.#admit(request.uid);
    const { cloud, clock, closing } = this.#options;
    const waiter: Waiter = { ...request, wake: closing?.aborted ? "due" : undefined, tell: undefined };
    this.#all.add(waiter);
    this.#perUser.set(request.uid, (this.#perUser.get(request.uid) ?? 0) + 1);
    this.#unsubscribe ??= cloud.subscribe(this.#hear);
    const forgetDeadline = clock.after(request.waitMs, () => wake(waiter, "due"));
    const stay = request.onGone(() => wake(waiter, "gone"));
    return {
      next: () => nextWake(waiter),
      leave: () => {
        forgetDeadline();
        stay();
        this.#forget(waiter);
      },
    };
  }

  #admit(uid: number): void {
    const { maxInAll = MAX_WAITERS, maxPerUser = MAX_PER_USER } = this.#options;
    if ((this.#perUser.get(uid) ?? 0) >= maxPerUser) {
      const sentence = `User ${uid} has ${maxPerUser} requests that wait for a change, and may have no more.`;
      throw new GatehouseError("rate_limited", sentence);
    }
    if (this.#all.size < maxInAll) return;
    throw new GatehouseError(
      "unavailable",
      `${maxInAll} requests wait for changes already; ask without wait, or again later.`,
    );
  }

  #forget(waiter: Waiter): void {
    if (!this.#all.delete(waiter)) return;
    const others = (this.#perUser.get(waiter.uid) ?? 0) - 1;
    if (others > 0) this.#perUser.set(waiter.uid, others);
    else this.#perUser.delete(waiter.uid);
    if (this.#all.size > 0) return;
    this.#unsubscribe?.();
    this.#unsubscribe = undefined;
  }

  readonly #hear = (event: CloudEvent): void => {
    if (event.kind !== "document_changed") return;
    const type = (event.document ?? event.previous)?.type;
    for (const waiter of this.#all) {
      const { watched } = waiter;
      const concerns = "id" in watched ? watched.id === event.id : watched.type === type;
      if (concerns) wake(waiter, "changed");
    }
  };
}

const WEIGHT = { changed: 0, due: 1, gone: 2 } as const satisfies Record<Wake, number>;

function wake(waiter: Waiter, why: Wake): void {
  const { tell } = waiter;
  if (tell === undefined) {
    if (waiter.wake === undefined || WEIGHT[why] > WEIGHT[waiter.wake]) waiter.wake = why;
    return;
  }
  waiter.tell = undefined;
  tell(why);
}

function nextWake(waiter: Waiter): Promise<Wake> {
  const known = waiter.wake;
  waiter.wake = undefined;
  if (known !== undefined) return Promise.resolve(known);
  return new Promise((resolve) => {
    waiter.tell = resolve;
  });
}
