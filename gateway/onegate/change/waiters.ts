/**
 * Requests that wait for a change. Each stands under the few subjects that its answer is made of; an event of the cloud
 * names subjects, and whoever stands there looks again. A waiter is entered before it first looks, and notes what
 * happens while it looks, so no change falls between.
 *
 *     entered ──▶ looking ──▶ asleep ──event, deadline──▶ queued ──▶ looking ──▶ ... ──▶ answered, once
 *                    └─ something happened meanwhile ────────▲
 */

import type { Clock } from "../../../shared/clock.ts";
import { GatehouseError } from "../../../shared/errors.ts";
import type { Cloud } from "../../cloud/cloud.ts";
import type { CloudEvent } from "../../cloud/event.ts";
import type { Answer } from "../answer.ts";
import { RateLimitedError } from "../fairness/limits.ts";
import type { GateObserver } from "../sight/observer.ts";
import { Deadlines } from "./deadlines.ts";
import { Slices } from "./slices.ts";
import { type Subject, subjectsOf } from "./subjects.ts";

/** In the whole house; connections are for others, too. */
const MAX_WAITERS = 12_000;

/** Whoever is refused because too many wait may ask again after so long. */
const RETRY_AFTER_S = 5;

/** One request that waits. */
export interface Wait {
  readonly vmId: number;
  readonly waitMs: number;
  /**
   * What it would be answered now, refusals too. Tells what that is made of before it reads any of it.
   * @throws GatehouseError
   */
  look(watch: (subjects: readonly Subject[]) => void): Answer | Promise<Answer>;
  /** True when the answer is not what the client has. */
  isNews(answer: Answer): boolean;
  /** Calls back once the client has gone; the returned function ends that. */
  onGone(listener: () => void): () => void;
  /** Told how many ms it slept, each time it has. */
  slept(ms: number): void;
}

export interface WaitersOptions {
  readonly cloud: Pick<Cloud, "subscribe">;
  readonly clock: Clock;
  readonly observer: GateObserver;
  /** Of one VM at a time. */
  readonly maxPerVm: number;
  /** Of all of them; by default 12,000. */
  readonly maxInAll?: number | undefined;
  /** Aborted when the house closes: everybody is answered then, and whoever still comes at once. */
  readonly closing?: AbortSignal | undefined;
}

interface Waiter {
  readonly wait: Wait;
  readonly resolve: (answer: Answer | undefined) => void;
  readonly reject: (error: unknown) => void;
  subjects: readonly Subject[];
  phase: "looking" | "asleep" | "queued" | "answered";
  /** Something happened while it looked. */
  stirred: boolean;
  /** Its next look is its last. */
  due: boolean;
  /** `Clock.elapsed`; undefined before its first sleep. */
  asleepSince: number | undefined;
  /** Takes it off the deadlines and the client. */
  release: () => void;
}

export class Waiters {
  readonly #options: WaitersOptions;
  readonly #all = new Set<Waiter>();
  readonly #perVm = new Map<number, number>();
  readonly #bySubject = new Map<Subject, Set<Waiter>>();
  readonly #deadlines: Deadlines<Waiter>;
  readonly #queue: Slices<Waiter>;
  #unsubscribe: (() => void) | undefined;

  constructor(options: WaitersOptions) {
    this.#options = options;
    this.#deadlines = new Deadlines(options.clock, (waiter) => this.#end(waiter));
    this.#queue = new Slices(options.clock, (waiter) => this.#look(waiter));
    options.closing?.addEventListener("abort", () => {
      for (const waiter of this.#all) this.#end(waiter);
    });
  }

  /** How many wait. */
  get size(): number {
    return this.#all.size;
  }

  /**
   * The answer once it is news, or whatever it is at the end of the time; undefined when the client has gone.
   * @throws RateLimitedError when the VM has too many waiters; GatehouseError `unavailable` when the house has;
   *   whatever a look throws
   */
  async hold(wait: Wait): Promise<Answer | undefined> {
    this.#admit(wait.vmId);
    const { promise, resolve, reject } = Promise.withResolvers<Answer | undefined>();
    const waiter: Waiter = {
      wait,
      resolve,
      reject,
      subjects: [],
      phase: "looking",
      stirred: false,
      due: this.#options.closing?.aborted ?? false,
      asleepSince: undefined,
      release: () => undefined,
    };
    this.#enter(waiter);
    this.#look(waiter);
    return await promise;
  }

  #admit(vmId: number): void {
    const { maxPerVm, maxInAll = MAX_WAITERS } = this.#options;
    if ((this.#perVm.get(vmId) ?? 0) >= maxPerVm) {
      throw new RateLimitedError(
        `VM ${vmId} has ${maxPerVm} requests that wait for a change, and no VM may have more.`,
        RETRY_AFTER_S,
        undefined,
        "waiters",
      );
    }
    if (this.#all.size < maxInAll) return;
    throw new GatehouseError(
      "unavailable",
      `${maxInAll} requests wait for changes already; ask without wait, or again later.`,
    );
  }

  #enter(waiter: Waiter): void {
    const { vmId, waitMs } = waiter.wait;
    this.#all.add(waiter);
    this.#perVm.set(vmId, (this.#perVm.get(vmId) ?? 0) + 1);
    this.#unsubscribe ??= this.#options.cloud.subscribe(this.#tell);
    const bucket = this.#deadlines.add(waiter, waitMs);
    const stay = waiter.wait.onGone(() => this.#answer(waiter, () => waiter.resolve(undefined)));
    waiter.release = () => {
      this.#deadlines.remove(waiter, bucket);
      stay();
    };
  }

  readonly #tell = (event: CloudEvent): void => {
    for (const subject of subjectsOf(event)) {
      for (const waiter of this.#bySubject.get(subject) ?? []) this.#stir(waiter);
    }
  };

  #end(waiter: Waiter): void {
    waiter.due = true;
    this.#stir(waiter);
  }

  #stir(waiter: Waiter): void {
    waiter.stirred = true;
    if (waiter.phase !== "asleep") return;
    const { clock } = this.#options;
    waiter.wait.slept(clock.elapsed() - (waiter.asleepSince ?? clock.elapsed()));
    this.#enqueue(waiter);
  }

  #enqueue(waiter: Waiter): void {
    waiter.phase = "queued";
    this.#queue.add(waiter);
  }

  #look(waiter: Waiter): void {
    waiter.phase = "looking";
    waiter.stirred = false;
    const looked = (answer: Answer): void => this.#looked(waiter, answer);
    const failed = (error: unknown): void => this.#answer(waiter, () => waiter.reject(error));
    try {
      const answer = waiter.wait.look((subjects) => this.#watch(waiter, subjects));
      if (answer instanceof Promise) answer.then(looked).catch(failed);
      else looked(answer);
    } catch (error) {
      failed(error);
    }
  }

  #looked(waiter: Waiter, answer: Answer): void {
    if (waiter.phase === "answered") return;
    if (waiter.due || waiter.wait.isNews(answer)) this.#answer(waiter, () => waiter.resolve(answer));
    else if (waiter.stirred) this.#enqueue(waiter);
    else this.#sleep(waiter);
  }

  #sleep(waiter: Waiter): void {
    if (waiter.asleepSince === undefined) this.#options.observer.waiting(1);
    waiter.phase = "asleep";
    waiter.asleepSince = this.#options.clock.elapsed();
  }

  /** Its only end: everything forgets it. */
  #answer(waiter: Waiter, tell: () => void): void {
    if (waiter.phase === "answered") return;
    waiter.phase = "answered";
    this.#watch(waiter, []);
    this.#queue.delete(waiter);
    waiter.release();
    this.#all.delete(waiter);
    const { vmId } = waiter.wait;
    const others = (this.#perVm.get(vmId) ?? 0) - 1;
    if (others > 0) this.#perVm.set(vmId, others);
    else this.#perVm.delete(vmId);
    if (waiter.asleepSince !== undefined) this.#options.observer.waiting(-1);
    if (this.#all.size === 0) {
      this.#unsubscribe?.();
      this.#unsubscribe = undefined;
    }
    tell();
  }

  /** Puts it under these subjects, and under no others. */
  #watch(waiter: Waiter, subjects: readonly Subject[]): void {
    const before = waiter.subjects;
    if (waiter.phase === "answered" && subjects.length > 0) return;
    if (before.length === subjects.length && before.every((subject, at) => subject === subjects[at])) return;
    waiter.subjects = subjects;
    for (const subject of before) {
      const there = this.#bySubject.get(subject);
      there?.delete(waiter);
      if (there?.size === 0) this.#bySubject.delete(subject);
    }
    for (const subject of subjects) {
      const there = this.#bySubject.get(subject);
      if (there === undefined) this.#bySubject.set(subject, new Set([waiter]));
      else there.add(waiter);
    }
  }
}
