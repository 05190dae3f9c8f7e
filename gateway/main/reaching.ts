/**
 * A part of the house that must first look at the cloud: where that is a real OpenNebula's core, it may be away when
 * the house starts. The part is then opened once the core answers, whole, and the house is up meanwhile.
 */

import type { Clock } from "../../shared/clock.ts";
import { errorText, isGatehouseError } from "../../shared/errors.ts";
import type { Logger } from "../../shared/log.ts";

/** The house is up after so long without the part: a core that is there has mostly been looked at by then. */
const FIRST_LOOK_MS = 1_000;
/** A core that is away is spared by the calls themselves. */
const PAUSE_MS = 1_000;

const LOOKING = "the first look at OpenNebula's core is under way";

export interface ReachingOptions<T> {
  /** For the log: `OneFlow`. */
  readonly name: string;
  /** Opens the part, or leaves nothing of it open; GatehouseError `unavailable` is a core that is away. */
  readonly open: () => Promise<T>;
  readonly close: (part: T) => void | Promise<void>;
  /** Called once, when the part is there. */
  readonly onReached?: (part: T) => void;
  /** False: the cloud is in the house, and the house waits for the first look. */
  readonly mayBeAway: boolean;
  readonly clock: Clock;
  readonly log: Logger;
}

export class Reaching<T> {
  readonly #options: ReachingOptions<T>;
  #part: T | undefined;
  #reason = LOOKING;
  #cancel: (() => void) | undefined;
  #isClosed = false;

  constructor(options: ReachingOptions<T>) {
    this.#options = options;
  }

  /** Undefined until it is there. */
  get part(): T | undefined {
    return this.#part;
  }

  /** Why it is not there; undefined when it is. */
  get waitsFor(): string | undefined {
    return this.#part === undefined ? this.#reason : undefined;
  }

  /**
   * Resolves when the part is there, or waits for the core.
   * @throws what the first attempt fails with, when it is nothing that waiting mends and comes soon.
   */
  async begin(): Promise<void> {
    if (!this.#options.mayBeAway) return this.#reached(await this.#options.open());
    const { promise: tooLong, resolve } = Promise.withResolvers<void>();
    const cancel = this.#options.clock.after(FIRST_LOOK_MS, resolve);
    let isLate = false;
    const first = this.#try(() => isLate);
    try {
      await Promise.race([first, tooLong]);
    } finally {
      isLate = true;
      cancel();
    }
    const { name, log } = this.#options;
    if (this.waitsFor === LOOKING) log.warn({ reason: LOOKING }, `${name} waits for OpenNebula's core`);
  }

  /** Does not wait for an attempt that is under way: what it opens is closed as soon as it is there. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#cancel?.();
    const part = this.#part;
    this.#part = undefined;
    if (part !== undefined) await this.#options.close(part);
  }

  async #try(isLate: () => boolean): Promise<void> {
    const { name, open, close, log } = this.#options;
    try {
      const part = await open();
      if (this.#isClosed) return await close(part);
      if (isLate()) log.info({}, `${name} has begun: OpenNebula's core answers`);
      this.#reached(part);
    } catch (error) {
      if (this.#isClosed) return;
      if (!isLate() && !(isGatehouseError(error) && error.code === "unavailable")) throw error;
      this.#waitAgain(errorText(error));
    }
  }

  #reached(part: T): void {
    this.#part = part;
    this.#options.onReached?.(part);
  }

  #waitAgain(reason: string): void {
    const { name, clock, log } = this.#options;
    if (reason !== this.#reason) log.warn({ reason }, `${name} waits for OpenNebula's core`);
    this.#reason = reason;
    this.#cancel = clock.after(PAUSE_MS, () => void this.#try(() => true));
  }
}
