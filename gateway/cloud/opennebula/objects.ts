/** Objects of one kind, read from the core: single ones, lists of them, and what became of one that was changed. */

import { GatehouseError, isGatehouseError } from "../../../shared/errors.ts";
import type { XmlNode } from "../../../shared/xml/tree.ts";
import { type Actor, SYSTEM } from "../actor.ts";
import type { Base } from "../model.ts";
import type { Core } from "./core.ts";
import type { Kind, Told } from "./kinds.ts";
import { type PoolCall, PoolLook } from "./pool-look.ts";
import { PoolReader } from "./pool-reader.ts";
import { SharedReads } from "./shared-reads.ts";
import type { Sight } from "./sight.ts";

/** A read that others overtake is begun anew so often; then the next poll sees to it. */
const MAX_TRIES = 5;
/** What went since the last look is asked for by so many calls at a time. */
const MAX_REFRESHES = 4;
/** Of one answer about objects that were named. */
const MAX_SET_BYTES = 64 * 1024 * 1024;

export interface ObjectsOptions<T extends Base> {
  readonly core: Core;
  readonly kind: Kind<T>;
  readonly sight: Sight<T>;
  /** How they are listed. More than one: it takes as many calls. */
  readonly calls: readonly PoolCall<T>[];
}

export class Objects<T extends Base> {
  readonly #options: ObjectsOptions<T>;
  readonly #reader: PoolReader<T>;
  readonly #looks: readonly PoolLook<T>[];
  readonly #gets = new SharedReads<T>();
  readonly #polls = new SharedReads<void>();

  constructor(options: ObjectsOptions<T>) {
    const { core, kind, sight, calls } = options;
    this.#options = options;
    this.#reader = new PoolReader(core, kind, sight);
    this.#looks = calls.map((call) => new PoolLook({ core, kind, sight, reader: this.#reader, call }));
  }

  get sight(): Sight<T> {
    return this.#options.sight;
  }

  /** @throws GatehouseError `not_found`, `forbidden`, `unavailable` */
  async get(actor: Actor, id: number): Promise<T> {
    return await this.#gets.run(`${actor.uid} ${actor.name} ${actor.gids.join(" ")} ${id}`, async () => {
      const look = this.sight.look();
      return this.sight.take(await this.#told(actor, id), look, "info").object;
    });
  }

  /** The document of one, as the core gives it to this actor. */
  async node(actor: Actor, id: number): Promise<XmlNode> {
    const { core, kind } = this.#options;
    return await core.readTree(actor, `one.${kind.object}.info`, id);
  }

  /** A proxy that mixes answers up must not show one's object to another. */
  async #told(actor: Actor, id: number): Promise<Told<T>> {
    const { kind } = this.#options;
    const told = kind.read(await this.node(actor, id));
    if (told.object.id === id) return told;
    throw new GatehouseError(
      "unavailable",
      `OpenNebula's core was asked for ${kind.element} ${id}, and answered with ${told.object.id}.`,
    );
  }

  /** Of those that a call names, the ones that are there and that the actor may see. */
  async named(actor: Actor, method: string, ids: readonly number[]): Promise<readonly T[]> {
    const look = this.sight.look();
    const body = await this.#options.core.ask(actor, MAX_SET_BYTES, method, ids.join(","), true);
    return await this.#reader.read(actor, method, body, look);
  }

  /** By their ids. `flag` as OpenNebula's pool calls have it: -2 is all. */
  async list(actor: Actor, flag: number): Promise<readonly T[]> {
    const found: T[] = [];
    for (const look of this.#looks) {
      for (const object of await look.list(actor, flag)) found.push(object);
    }
    return found.sort((left, right) => left.id - right.id);
  }

  /** Reads it as the house itself, so that all know of it what the core knows now; a core that is away leaves it in doubt. */
  async refresh(id: number): Promise<T | undefined> {
    try {
      for (let tries = 0; tries < MAX_TRIES; tries += 1) {
        const look = this.sight.look();
        const told = await this.#told(SYSTEM, id);
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
    await this.#polls.run("", async () => {
      for (const look of this.#looks) await look.all((missing) => this.#refreshAll(missing));
    });
  }

  async #refreshAll(ids: readonly number[]): Promise<void> {
    const waiting = ids.values();
    const work = async () => {
      for (const id of waiting) await this.refresh(id);
    };
    await Promise.all(Array.from({ length: MAX_REFRESHES }, work));
  }
}
