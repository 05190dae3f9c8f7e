/**
 * Looks at all objects of a pool, window by window. Each window counts as soon as it was seen: a look that is interrupted
 * says nothing of the rest, and nothing is gone because its window was not seen.
 */

import { nodesAt, numberAt } from "../../../shared/xml/node.ts";
import { xmlToTree } from "../../../shared/xml/parse.ts";
import { MAX_XML_BYTES } from "../../../shared/xml/tree.ts";
import type { RpcValue } from "../../../shared/xmlrpc/encoding.ts";
import { type Actor, SYSTEM } from "../actor.ts";
import type { Base } from "../model.ts";
import type { Core } from "./core.ts";
import type { Kind } from "./kinds.ts";
import { digestOf, type PoolReader } from "./pool-reader.ts";
import { AnswerTooLarge } from "./refusals.ts";
import type { Look, Sight } from "./sight.ts";
import { halves, holds, OPEN, regrouped, WHOLE, type Window, windowsAt } from "./windows.ts";

/** The filter flag for all that whoever asks may use (spec core-xmlrpc.md 1). */
export const ALL = -2;

/** Of one window: a VM has 11 KB (recorded), escaped. */
const MAX_WINDOW_BYTES = 16 * 1024 * 1024;
/** Of a pool whose call takes no range: a host has 30 KB (recorded), so some 2,000 of them. */
const MAX_POOL_BYTES = MAX_XML_BYTES;

/** The first look asks for the ids of every so many objects, to know where windows may begin. */
const STRIDE = 256;
/** A page has two objects: `end` of a page is the number of them, negative, and -1 means something else. */
const PAGE = -2;
const PAGE_LENGTH = 2;
/** Beyond this many, the core does not page. */
const MAX_OFFSET = 10_000_000;

/** How a pool's call is asked. */
export interface PoolCall<T extends Base> {
  /** False: it takes neither a filter nor a range. */
  readonly isRanged: boolean;
  /** What follows filter and range: a state, a type. */
  readonly rest: readonly RpcValue[];
  /** False of objects that this call does not list; default: it lists all. */
  readonly lists?: (object: T) => boolean;
}

export interface PoolLookOptions<T extends Base> {
  readonly core: Core;
  readonly kind: Kind<T>;
  readonly sight: Sight<T>;
  readonly reader: PoolReader<T>;
  readonly call: PoolCall<T>;
  /** Of the answer about one window; default: MAX_WINDOW_BYTES. */
  readonly maxWindowBytes?: number;
}

export class PoolLook<T extends Base> {
  readonly #options: PoolLookOptions<T>;
  /** Of the look at all that there is; empty before the first. */
  #windows: readonly Window[] = [];
  readonly #maxWindowBytes: number;
  /** What was too large when it was looked at last. */
  readonly #tooLarge = new Set<number>();

  constructor(options: PoolLookOptions<T>) {
    this.#options = options;
    this.#maxWindowBytes = options.maxWindowBytes ?? MAX_WINDOW_BYTES;
  }

  /** Looks at all there are. What was known and is not among them is given to `onMissing`. */
  async all(onMissing: (ids: readonly number[]) => Promise<void>): Promise<void> {
    const { reader, sight } = this.#options;
    if (this.#windows.length === 0) this.#windows = await this.#planned(SYSTEM, ALL);
    // Windows come in the order of their ids.
    const known = sight.ids().toSorted((left, right) => left - right);
    let next = 0;
    const seen = await this.#each(SYSTEM, ALL, this.#windows, async (window, body, look) => {
      const digest = digestOf(body);
      const isSame = digest === window.digest && reader.confirm(window.ids ?? [], look);
      const ids = isSame ? (window.ids ?? []) : (await this.#read(SYSTEM, body, look)).map(({ id }) => id);
      // Those of a window that was passed over are in none that was seen.
      while ((known[next] ?? Number.POSITIVE_INFINITY) < window.from) next += 1;
      const first = next;
      while (holds(window, known[next] ?? OPEN)) next += 1;
      await onMissing(this.#missing(known.slice(first, next), new Set(ids), look));
      for (const id of this.#tooLarge) if (holds(window, id)) this.#tooLarge.delete(id);
      return { from: window.from, to: window.to, bytes: body.length, ids, digest };
    });
    this.#windows = regrouped(seen);
    reader.forgetOthers();
  }

  #missing(known: readonly number[], found: ReadonlySet<number>, look: Look): readonly number[] {
    const { sight, call } = this.#options;
    const isListed = (id: number) => {
      const object = sight.known(id);
      return object !== undefined && call.lists?.(object) !== false;
    };
    return known.filter((id) => !found.has(id) && isListed(id) && sight.isNewer(look, id));
  }

  /** Those that a filter flag gives to whoever asks. */
  async list(actor: Actor, flag: number): Promise<readonly T[]> {
    const found: T[] = [];
    const take = async (window: Window, body: Buffer, look: Look) => {
      for (const object of await this.#read(actor, body, look)) found.push(object);
      return window;
    };
    const known = flag === ALL && this.#windows.length > 0 ? this.#windows : undefined;
    if (known !== undefined || !this.#options.call.isRanged) {
      await this.#each(actor, flag, known ?? [WHOLE], take);
      return found;
    }
    try {
      const look = this.#options.sight.look();
      await take(WHOLE, await this.#ask(actor, flag, WHOLE), look);
    } catch (error) {
      if (!(error instanceof AnswerTooLarge)) throw error;
      await this.#each(actor, flag, await this.#planned(actor, flag), take);
    }
    return found;
  }

  /** Asks for one window after the other, in parts where an answer was too large, and gives what `take` made of them. */
  async #each(
    actor: Actor,
    flag: number,
    windows: readonly Window[],
    take: (window: Window, body: Buffer, look: Look) => Promise<Window>,
  ): Promise<readonly Window[]> {
    const taken: Window[] = [];
    const waiting = windows.toReversed();
    let reach = STRIDE;
    for (let window = waiting.pop(); window !== undefined; window = waiting.pop()) {
      const look = this.#options.sight.look();
      try {
        taken.push(await take(window, await this.#ask(actor, flag, window), look));
      } catch (error) {
        if (!(error instanceof AnswerTooLarge)) throw error;
        const parts = this.#options.call.isRanged ? halves(window, reach) : undefined;
        if (parts === undefined) taken.push(this.#passedOver(window, error));
        else waiting.push(parts[1], parts[0]);
        if (window.to === OPEN) reach *= 2;
      }
    }
    return taken;
  }

  /** One object that is too large hides no other. */
  #passedOver({ from, to }: Window, error: AnswerTooLarge): Window {
    const { core, kind, call } = this.#options;
    if (!call.isRanged) throw error;
    const isKnown = this.#tooLarge.has(from);
    this.#tooLarge.add(from);
    // What comes again with every look is said once, loudly.
    core.log[isKnown ? "debug" : "warn"](
      { kind: kind.object, id: from, maxBytes: this.#maxWindowBytes },
      "An object of OpenNebula's is too large to be looked at",
    );
    return { from, to };
  }

  async #ask(actor: Actor, flag: number, { from, to }: Window): Promise<Buffer> {
    const { core, kind, call } = this.#options;
    if (!call.isRanged) return await core.ask(actor, MAX_POOL_BYTES, kind.poolCall, ...call.rest);
    return await core.ask(actor, this.#maxWindowBytes, kind.poolCall, flag, from, to, ...call.rest);
  }

  async #read(actor: Actor, body: Buffer, look: Look): Promise<readonly T[]> {
    return await this.#options.reader.read(actor, this.#options.kind.poolCall, body, look);
  }

  /**
   * Windows of STRIDE objects each, whatever holes are between their ids. What changes meanwhile makes windows larger or
   * smaller, and leaves nothing out.
   */
  async #planned(actor: Actor, flag: number): Promise<readonly Window[]> {
    const starts: number[] = [];
    if (this.#options.call.isRanged) {
      for (let offset = STRIDE; offset < MAX_OFFSET; offset += STRIDE) {
        const ids = await this.#page(actor, flag, offset);
        // More than a page, or one that was there: this core does not page.
        if (ids.length === 0 || ids.length > PAGE_LENGTH || starts.includes(ids[0] ?? -1)) break;
        starts.push(...ids.slice(0, 1));
      }
    }
    return windowsAt(starts);
  }

  async #page(actor: Actor, flag: number, offset: number): Promise<readonly number[]> {
    const { core, kind, call } = this.#options;
    const method = kind.pageCall ?? kind.poolCall;
    const body = await core.ask(actor, MAX_POOL_BYTES, method, flag, offset, PAGE, ...call.rest);
    const { node } = xmlToTree(core.told(actor, method, body));
    return nodesAt(node, kind.element).map((one) => numberAt(one, "ID"));
  }
}
