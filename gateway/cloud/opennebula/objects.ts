/** Objects of one kind, read from the core: single ones, lists of them, and what became of one that was changed. */

import { isGatehouseError } from "../../../shared/errors.ts";
import { nodesAt, textAt } from "../../../shared/xml/node.ts";
import { xmlToTree } from "../../../shared/xml/parse.ts";
import type { XmlNode } from "../../../shared/xml/tree.ts";
import type { RpcValue } from "../../../shared/xmlrpc/encoding.ts";
import { type Actor, SYSTEM } from "../cloud.ts";
import type { Base } from "../model.ts";
import type { Answered, Core, Looked } from "./core.ts";
import type { Kind, Told } from "./kinds.ts";
import type { Look, Sight } from "./sight.ts";

/** A read that others overtake is begun anew so often; then the next poll sees to it. */
const MAX_TRIES = 5;

export interface ObjectsOptions<T extends Base> {
  readonly core: Core;
  readonly kind: Kind<T>;
  readonly sight: Sight<T>;
  /** What follows the filter in the call that lists them: ranges, a state, a type. More than one: it takes as many calls. */
  readonly lists: readonly (readonly RpcValue[])[];
  /** False for pools whose call takes no filter. */
  readonly hasFilter?: boolean;
}

/** The filter flag for all that whoever asks may use (spec core-xmlrpc.md 1). */
export const ALL = -2;

interface Polled {
  readonly answers: readonly Answered[];
  readonly changes: number;
}

export class Objects<T extends Base> {
  readonly #options: ObjectsOptions<T>;
  #polled: Polled | undefined;

  constructor(options: ObjectsOptions<T>) {
    this.#options = options;
  }

  get sight(): Sight<T> {
    return this.#options.sight;
  }

  /** @throws GatehouseError `not_found`, `forbidden`, `unavailable` */
  async get(actor: Actor, id: number): Promise<T> {
    const look = this.sight.look();
    return this.sight.take(this.#options.kind.read(await this.node(actor, id)), look, "info").object;
  }

  /** The document of one, as the core gives it to this actor. */
  async node(actor: Actor, id: number): Promise<XmlNode> {
    const { core, kind } = this.#options;
    return xmlToTree(await core.read(actor, `one.${kind.object}.info`, id)).node;
  }

  /** By their ids. `flag` as OpenNebula's pool calls have it: -2 is all. */
  async list(actor: Actor, flag: number): Promise<readonly T[]> {
    const { core, kind, lists } = this.#options;
    const look = this.sight.look();
    const found: T[] = [];
    for (const rest of lists) {
      const xml = await core.read(actor, kind.poolCall, ...this.#values(flag, rest));
      for (const node of nodesAt(xmlToTree(xml).node, kind.element)) {
        const told = this.#readable(node);
        if (told !== undefined) found.push(this.sight.take(told, look, "pool").object);
      }
    }
    return found.sort((left, right) => left.id - right.id);
  }

  /** Reads it as the house itself, so that all know of it what the core knows now; a core that is away leaves it in doubt. */
  async refresh(id: number): Promise<T | undefined> {
    try {
      for (let tries = 0; tries < MAX_TRIES; tries += 1) {
        const look = this.sight.look();
        const told = this.#options.kind.read(await this.node(SYSTEM, id));
        const { object, isTaken } = this.sight.take(told, look, "info");
        if (isTaken) return object;
      }
    } catch (error) {
      if (!isGatehouseError(error)) throw error;
      if (error.code === "not_found") this.sight.gone(id);
      else this.sight.doubt(id);
    }
    return undefined;
  }

  /** Looks at all of them; what is not there any more is asked for by itself. */
  async poll(): Promise<void> {
    const { changes } = this.sight;
    const last = this.#polled?.changes === changes ? this.#polled : undefined;
    const look = this.sight.look();
    let looked = await this.#lookAt(last);
    if (looked.every(({ xml }) => xml === undefined) && this.sight.changes === changes) {
      this.sight.confirm(look);
    } else {
      if (looked.some(({ xml }) => xml === undefined)) looked = await this.#lookAt(undefined);
      await this.#takeAll(looked, look);
    }
    this.#polled = { answers: looked.map(({ body }) => ({ body })), changes: this.sight.changes };
  }

  async #lookAt(last: Polled | undefined): Promise<readonly Looked[]> {
    const { core, kind, lists } = this.#options;
    const looked: Looked[] = [];
    for (const [index, rest] of lists.entries()) {
      looked.push(await core.look(last?.answers[index], kind.poolCall, ...this.#values(ALL, rest)));
    }
    return looked;
  }

  async #takeAll(looked: readonly Looked[], look: Look): Promise<void> {
    const { kind } = this.#options;
    const missing = new Set(this.sight.ids());
    for (const { xml = "" } of looked) {
      for (const node of nodesAt(xmlToTree(xml).node, kind.element)) {
        missing.delete(Number(textAt(node, "ID")));
        const told = this.#readable(node);
        if (told !== undefined) this.sight.take(told, look, "pool");
      }
    }
    for (const id of missing) if (this.sight.isNewer(look, id)) await this.refresh(id);
  }

  /** Anybody may write a document that is none of OneFlow's: it is passed over, and the others are not. */
  #readable(node: XmlNode): Told<T> | undefined {
    const { kind, core } = this.#options;
    try {
      return kind.read(node);
    } catch (error) {
      if (!isGatehouseError(error)) throw error;
      core.log.debug(
        { kind: kind.object, reason: error.message },
        "An object of OpenNebula's cannot be read",
      );
      return undefined;
    }
  }

  #values(flag: number, rest: readonly RpcValue[]): readonly RpcValue[] {
    return this.#options.hasFilter === false ? rest : [flag, ...rest];
  }
}
