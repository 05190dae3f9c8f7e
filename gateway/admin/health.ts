/** What the parts say of their health; they register here, so that the admin server knows none of them. */

import type { Clock } from "../../shared/clock.ts";
import { errorText } from "../../shared/errors.ts";

/** A check that has not answered by then counts as failed: a hung part must not hang the question. */
const CHECK_DEADLINE_MS = 2_000;

/** Answers are kept this long, so that many who ask cost no more than one. */
const KEPT_MS = 1_000;

/** Resolves with a sentence on why the part is not ready, or undefined when it is. */
export type HealthCheck = () => Promise<string | undefined>;

export interface HealthReport {
  readonly ready: boolean;
  /** By the part's name: "ok", or why it is not ready. */
  readonly checks: Readonly<Record<string, string>>;
}

export class Health {
  readonly #clock: Clock;
  readonly #checks = new Map<string, HealthCheck>();
  #last: { readonly at: number; readonly report: Promise<HealthReport> } | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  register(name: string, check: HealthCheck): void {
    this.#checks.set(name, check);
    this.changed();
  }

  /** Forgets the kept answer: for parts that know that theirs has just changed. */
  changed(): void {
    this.#last = undefined;
  }

  /** Asks every part, side by side; never rejects. */
  report(): Promise<HealthReport> {
    const now = this.#clock.now();
    if (this.#last === undefined || Math.abs(now - this.#last.at) >= KEPT_MS) {
      this.#last = { at: now, report: this.#ask() };
    }
    return this.#last.report;
  }

  async #ask(): Promise<HealthReport> {
    const answers = await Promise.all(
      [...this.#checks].map(async ([name, check]) => [name, await this.#answer(check)] as const),
    );
    const checks = answers.map(([name, reason]) => [name, reason ?? "ok"] as const);
    return { ready: answers.every(([, reason]) => reason === undefined), checks: Object.fromEntries(checks) };
  }

  async #answer(check: HealthCheck): Promise<string | undefined> {
    const { promise, resolve } = Promise.withResolvers<string>();
    const cancel = this.#clock.after(CHECK_DEADLINE_MS, () => {
      resolve(`no answer within ${CHECK_DEADLINE_MS} ms`);
    });
    try {
      return await Promise.race([check(), promise]);
    } catch (error) {
      return errorText(error);
    } finally {
      cancel();
    }
  }
}
