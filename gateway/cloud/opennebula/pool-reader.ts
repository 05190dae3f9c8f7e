/**
 * Reads what a pool's answers say of one kind of objects. An object whose bytes are those that were read last is not read
 * again, so a look costs what has changed; and many are read in slices, between which requests are answered.
 */

import { hash } from "node:crypto";
import { isGatehouseError } from "../../../shared/errors.ts";
import { nodesAt } from "../../../shared/xml/node.ts";
import { xmlToTree } from "../../../shared/xml/parse.ts";
import type { XmlNode } from "../../../shared/xml/tree.ts";
import { elementsOf, elementText, type Slice } from "../../../shared/xmlrpc/pool-answer.ts";
import type { Actor } from "../actor.ts";
import type { Base } from "../model.ts";
import type { Core } from "./core.ts";
import type { Kind } from "./kinds.ts";
import { Pauses } from "./pauses.ts";
import type { Look, Sight } from "./sight.ts";

/** An element's own id is the first thing in it. */
const MAX_HEAD = 64;

/** Of an object as it stood in a pool's answer. */
interface Seen {
  readonly digest: string;
  /** Of the snapshot that was made of it; another one, and its bytes say nothing any more. */
  readonly version: number;
}

export class PoolReader<T extends Base> {
  readonly #core: Core;
  readonly #kind: Kind<T>;
  readonly #sight: Sight<T>;
  readonly #seen = new Map<number, Seen>();

  constructor(core: Core, kind: Kind<T>, sight: Sight<T>) {
    this.#core = core;
    this.#kind = kind;
    this.#sight = sight;
  }

  /**
   * Takes what an answer brings, and gives a snapshot of each, in its order.
   * @throws GatehouseError as the core refuses, or `unavailable` for what is no answer.
   */
  async read(actor: Actor, method: string, body: Buffer, look: Look): Promise<readonly T[]> {
    const slices = elementsOf(body);
    if (slices === undefined) return this.#readWhole(this.#core.told(actor, method, body), look);
    const found: T[] = [];
    const pauses = new Pauses(this.#core.clock);
    for (const slice of slices) {
      if (pauses.isDue) await pauses.next();
      const object = this.#readSlice(body, slice, look);
      if (object !== undefined) found.push(object);
    }
    return found;
  }

  /** True when each of them stands as an answer brought it last; they were all seen again then. */
  confirm(ids: readonly number[], look: Look): boolean {
    if (!ids.every((id) => this.#seen.get(id)?.version === this.#sight.known(id)?.version)) return false;
    for (const id of ids) this.#sight.confirm(look, id);
    return true;
  }

  /** Keeps nothing of what is not known any more. */
  forgetOthers(): void {
    for (const id of this.#seen.keys()) if (this.#sight.known(id) === undefined) this.#seen.delete(id);
  }

  #readSlice(body: Buffer, slice: Slice, look: Look): T | undefined {
    const digest = digestOf(body.subarray(slice.from, slice.to));
    const known = this.#unchanged(idIn(body, slice, this.#kind.element), digest);
    if (known !== undefined) {
      this.#sight.confirm(look, known.id);
      return known;
    }
    return this.#unlessUnreadable(() => {
      const { name, node } = xmlToTree(elementText(body, slice));
      if (name !== this.#kind.element) return undefined;
      const object = this.#take(node, look);
      if (this.#sight.known(object.id) === object)
        this.#seen.set(object.id, { digest, version: object.version });
      return object;
    });
  }

  #unchanged(id: number | undefined, digest: string): T | undefined {
    const seen = id === undefined ? undefined : this.#seen.get(id);
    if (id === undefined || seen?.digest !== digest) return undefined;
    const known = this.#sight.known(id);
    return known?.version === seen.version ? known : undefined;
  }

  #readWhole(xml: string, look: Look): readonly T[] {
    return nodesAt(xmlToTree(xml).node, this.#kind.element).flatMap(
      (node) => this.#unlessUnreadable(() => this.#take(node, look)) ?? [],
    );
  }

  #take(node: XmlNode, look: Look): T {
    return this.#sight.take(this.#kind.read(node), look, "pool").object;
  }

  /** Anybody may write what is none of these, or no XML of a form that is read: it is passed over, and the others are not. */
  #unlessUnreadable(read: () => T | undefined): T | undefined {
    try {
      return read();
    } catch (error) {
      if (!isGatehouseError(error)) throw error;
      const { object: kind } = this.#kind;
      this.#core.log.debug({ kind, reason: error.message }, "An object of OpenNebula's cannot be read");
      return undefined;
    }
  }
}

/** Stands for bytes: guests write some of them, so nobody must be able to make two that have the same. */
export function digestOf(bytes: Uint8Array): string {
  return hash("sha256", bytes, "base64");
}

/** Undefined where the element does not begin with it. */
function idIn(body: Buffer, { from, to }: Slice, element: string): number | undefined {
  const head = body.toString("latin1", from, Math.min(to, from + MAX_HEAD));
  const [, name, id] = /^&lt;([A-Z_]+)(?:&gt;|>)&lt;ID(?:&gt;|>)(\d{1,10})&lt;/.exec(head) ?? [];
  return name === element ? Number(id) : undefined;
}
