/**
 * What makes guessing slow. A wrong password is answered late, the later the more of them an address or a name has
 * had; a right one is answered at once and locks nobody out. Only few wrong answers to one address on one name are
 * late side by side: what comes beyond waits in line before it is looked at, or a thousand guesses sent together
 * would cost no more time than one.
 */

import type { Clock } from "../../../shared/clock.ts";

const FIRST_DELAY_MS = 100;
const MAX_DELAY_MS = 4_000;
/** Without a further mistake for so long, the old ones are forgotten. */
const FORGET_MS = 10 * 60_000;
/** Streaks remembered, of addresses and names together; beyond it the oldest go. */
const MAX_STREAKS = 10_000;
const MAX_KEY_LENGTH = 128;
/** Attempts that one address may have under way on one name; right ones take no time. */
const MAX_BUSY = 4;

interface Streak {
  readonly failures: number;
  readonly since: number;
}

/** The attempts of one address on one name. */
interface Line {
  /** Being looked at, or answered late. */
  busy: number;
  readonly waiting: (() => void)[];
}

export class Slowdown {
  readonly #clock: Clock;
  readonly #streaks = new Map<string, Streak>();
  readonly #lines = new Map<string, Line>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** What `verify` proves; undefined, after a delay, when it proves nothing. */
  async attempt<T>(
    address: string,
    name: string,
    verify: () => Promise<T | undefined>,
  ): Promise<T | undefined> {
    const keys = [`address ${address}`, `name ${name}`].map((key) => key.slice(0, MAX_KEY_LENGTH));
    const lineKey = keys.join("\n");
    const line = this.#lines.get(lineKey) ?? { busy: 0, waiting: [] };
    this.#lines.set(lineKey, line);
    if (line.busy < MAX_BUSY) line.busy += 1;
    else await new Promise<void>((resolve) => line.waiting.push(resolve));
    try {
      const proved = await verify();
      if (proved === undefined) await this.#wait(keys);
      return proved;
    } finally {
      this.#leave(lineKey, line);
    }
  }

  /** The first in line takes over the place, so nobody is overtaken for ever. */
  #leave(lineKey: string, line: Line): void {
    const next = line.waiting.shift();
    if (next !== undefined) {
      next();
      return;
    }
    line.busy -= 1;
    if (line.busy === 0) this.#lines.delete(lineKey);
  }

  async #wait(keys: readonly string[]): Promise<void> {
    const failures = Math.max(...keys.map((key) => this.#countFailure(key)));
    const delayMs = Math.min(FIRST_DELAY_MS * 2 ** Math.min(failures - 1, 16), MAX_DELAY_MS);
    await new Promise<void>((resolve) => this.#clock.after(delayMs, resolve));
  }

  #countFailure(key: string): number {
    const now = this.#clock.now();
    const before = this.#streaks.get(key);
    const failures = before !== undefined && now - before.since < FORGET_MS ? before.failures + 1 : 1;
    this.#streaks.delete(key);
    if (this.#streaks.size >= MAX_STREAKS) {
      const [oldest] = this.#streaks.keys();
      if (oldest !== undefined) this.#streaks.delete(oldest);
    }
    this.#streaks.set(key, { failures, since: now });
    return failures;
  }
}
