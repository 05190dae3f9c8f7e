/**
 * Calls that make something, and of which nobody may know whether they did: what one would have made is looked for before
 * it is said to be unknown, and again before the same call is made once more. So nothing is made twice that can be found.
 */

import type { Clock } from "../../../shared/clock.ts";
import { errorText, isGatehouseError } from "../../../shared/errors.ts";
import type { Logger } from "../../../shared/log.ts";
import { UnknownOutcome } from "./refusals.ts";

/** Before each further look. */
const FIRST_PAUSE_MS = 200;
/** A call of unknown outcome that nobody repeats for so long is forgotten. */
const REMEMBERED_MS = 5 * 60_000;
const MAX_REMEMBERED = 1_000;
const MAX_CLAIMED = 10_000;

/** What a candidate must be: made after the call was, and by no other call of this house. */
export type IsCandidate = (id: number) => boolean;

export interface Recipe<T> {
  /** Of the call and all its parameters: calls of one key would make the same. */
  readonly key: string;
  /** The highest id that is known, -1 when nothing is. */
  readonly highest: () => number;
  readonly call: () => Promise<T>;
  /** What the call made, if it can be found. @throws GatehouseError `unavailable` when the core cannot say. */
  readonly find: (isCandidate: IsCandidate, floor: number) => Promise<T | undefined>;
  readonly idsOf: (made: T) => readonly number[];
}

interface Unknown {
  /** No id up to this one is its work. */
  readonly floor: number;
  readonly at: number;
}

export interface MakesOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly settleMs: number;
}

export class Makes {
  readonly #options: MakesOptions;
  readonly #unknown = new Map<string, Unknown[]>();
  readonly #claimed = new Set<string>();

  constructor(options: MakesOptions) {
    this.#options = options;
  }

  /** @throws whatever the call throws; UnknownOutcome when what it made was not found in time. */
  async once<T>(recipe: Recipe<T>): Promise<T> {
    const earlier = this.#takeUnknown(recipe.key);
    try {
      const found = earlier && (await this.#find(recipe, earlier));
      if (found !== undefined) return this.#claim(recipe, found);
    } catch (error) {
      if (earlier !== undefined) this.#remember(recipe.key, earlier);
      throw error;
    }
    const attempt = { floor: earlier?.floor ?? recipe.highest(), at: this.#options.clock.elapsed() };
    try {
      return this.#claim(recipe, await recipe.call());
    } catch (error) {
      if (!(error instanceof UnknownOutcome)) throw error;
      const found = await this.#search(recipe, attempt);
      if (found !== undefined) return this.#claim(recipe, found);
      this.#remember(recipe.key, attempt);
      throw error;
    }
  }

  /** For as long as it may take the core to finish what it had begun. */
  async #search<T>(recipe: Recipe<T>, attempt: Unknown): Promise<T | undefined> {
    const { clock, log, settleMs } = this.#options;
    const until = clock.elapsed() + settleMs;
    for (let pauseMs = FIRST_PAUSE_MS; clock.elapsed() < until; pauseMs *= 2) {
      await new Promise<void>((resolve) => clock.after(pauseMs, resolve));
      try {
        const found = await this.#find(recipe, attempt);
        if (found !== undefined) return found;
      } catch (error) {
        if (!isGatehouseError(error) || error.code !== "unavailable") throw error;
        log.debug(
          { reason: errorText(error) },
          "What a call of unknown outcome made cannot be looked for yet",
        );
      }
    }
    return undefined;
  }

  async #find<T>(recipe: Recipe<T>, { floor }: Unknown): Promise<T | undefined> {
    const kind = kindOf(recipe.key);
    return await recipe.find((id) => id > floor && !this.#claimed.has(`${kind} ${id}`), floor);
  }

  #claim<T>(recipe: Recipe<T>, made: T): T {
    for (const id of recipe.idsOf(made)) {
      const [oldest] = this.#claimed;
      if (this.#claimed.size >= MAX_CLAIMED && oldest !== undefined) this.#claimed.delete(oldest);
      this.#claimed.add(`${kindOf(recipe.key)} ${id}`);
    }
    return made;
  }

  #takeUnknown(key: string): Unknown | undefined {
    const since = this.#options.clock.elapsed() - REMEMBERED_MS;
    const fresh = (this.#unknown.get(key) ?? []).filter(({ at }) => at >= since);
    const first = fresh.shift();
    if (fresh.length === 0) this.#unknown.delete(key);
    else this.#unknown.set(key, fresh);
    return first;
  }

  #remember(key: string, attempt: Unknown): void {
    const [oldest] = this.#unknown.keys();
    if (this.#unknown.size >= MAX_REMEMBERED && oldest !== undefined) this.#unknown.delete(oldest);
    this.#unknown.set(key, [...(this.#unknown.get(key) ?? []), attempt]);
  }
}

/** A key begins with the kind of what is made. */
export function recipeKey(kind: string, ...parts: readonly unknown[]): string {
  return `${kind} ${JSON.stringify(parts)}`;
}

function kindOf(key: string): string {
  return key.slice(0, key.indexOf(" "));
}
