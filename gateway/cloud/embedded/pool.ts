/** What every pool of owned objects does alike: read, list, rename, chmod, chown, each authorised on the object. */

import { type Clock, epochSeconds } from "../../../shared/clock.ts";
import { GatehouseError } from "../../../shared/errors.ts";
import type { Kind } from "../../store/kind.ts";
import type { Registry } from "../../store/registry.ts";
import type { Transaction } from "../../store/transaction.ts";
import type { Actor } from "../actor.ts";
import type { JsonObject, Owned } from "../model.ts";
import {
  applyBits,
  authorize,
  authorizeAdmin,
  isAdmin,
  isAllowed,
  lockOf,
  matchesFilter,
  type Right,
  rightForChmod,
} from "../permissions.ts";
import type { LockLevel, OwnedPool, OwnerFilter, Ownership, PermissionBits } from "../pools/pool.ts";
import { GROUPS, USERS } from "./kinds.ts";
import { checkName } from "./names.ts";

/** What pools are made of. */
export interface PoolContext {
  readonly registry: Registry;
  readonly clock: Clock;
}

/** OpenNebula's two words for a kind: in "Error getting <noun> [7]." and in "perform USE <label> [7]". */
export interface PoolWords {
  readonly noun: string;
  readonly label: string;
}

/** @throws GatehouseError `not_found`. */
export function missing(words: PoolWords, id: number): GatehouseError {
  return new GatehouseError("not_found", `Error getting ${words.noun} [${id}].`);
}

export class OwnedObjects<T extends Owned> implements OwnedPool<T> {
  protected readonly context: PoolContext;
  protected readonly kind: Kind<T>;
  protected readonly words: PoolWords;

  constructor(context: PoolContext, kind: Kind<T>, words: PoolWords) {
    this.context = context;
    this.kind = kind;
    this.words = words;
  }

  async get(actor: Actor, id: number): Promise<T> {
    const object = this.context.registry.collection(this.kind).get(id);
    // To the core a negative id is all there is of the kind, which only administrators may use: recorded.
    if (id < 0) authorizeAdmin(actor, "USE", this.words.label);
    if (object === undefined) throw missing(this.words, id);
    authorize(actor, object, "USE", this.words.label);
    return object;
  }

  peek(actor: Actor, id: number): T | undefined {
    const object = this.context.registry.collection(this.kind).get(id);
    return object !== undefined && isAllowed(actor, object, "USE") ? object : undefined;
  }

  async list(actor: Actor, filter: OwnerFilter = { kind: "all" }): Promise<readonly T[]> {
    const chosen: T[] = [];
    for (const object of this.context.registry.collection(this.kind).values()) {
      if (isAllowed(actor, object, "USE") && matchesFilter(actor, object, filter)) chosen.push(object);
    }
    return chosen.sort((left, right) => left.id - right.id);
  }

  async rename(actor: Actor, id: number, name: string): Promise<void> {
    checkName(name);
    await this.edit(actor, id, "MANAGE", (object) => ({ ...object, name }));
  }

  async chmod(actor: Actor, id: number, bits: PermissionBits): Promise<void> {
    await this.context.registry.transact((tx) => {
      const object = this.require(tx, id);
      authorize(actor, object, rightForChmod(object.mode, bits), this.words.label);
      this.store(tx, { ...object, mode: applyBits(object.mode, bits) }, object);
    });
  }

  async chown(actor: Actor, id: number, owner: Ownership): Promise<void> {
    await this.context.registry.transact((tx) => {
      const object = this.require(tx, id);
      authorize(actor, object, "MANAGE", this.words.label);
      this.store(tx, { ...object, ...newOwner(tx, actor, object, owner) }, object);
    });
  }

  async lock(actor: Actor, id: number, level: LockLevel): Promise<void> {
    const now = epochSeconds(this.context.clock);
    await this.#relock(actor, id, () => ({
      LOCKED: String(level),
      OWNER: String(actor.uid),
      TIME: String(now),
      REQ_ID: "-1",
    }));
  }

  async unlock(actor: Actor, id: number): Promise<void> {
    await this.#relock(actor, id, () => undefined);
  }

  /** A lock is no obstacle to who made it, and to administrators: both may change or end it. */
  async #relock(actor: Actor, id: number, make: () => JsonObject | undefined): Promise<void> {
    await this.context.registry.transact((tx) => {
      const object = this.require(tx, id);
      const { LOCK: _, ...rest } = object.extra ?? {};
      const held = lockOf(object);
      const mine = held === undefined || held.owner === actor.uid || isAdmin(actor);
      // What takes ADMIN is refused by every lock; MANAGE would pass one of level 3.
      if (mine) authorize(actor, { ...object, extra: rest }, "MANAGE", this.words.label);
      else authorize(actor, object, "ADMIN", this.words.label);
      const lock = make();
      this.store(tx, { ...object, extra: lock === undefined ? rest : { ...rest, LOCK: lock } }, object);
    });
  }

  /** The newest object. @throws GatehouseError `not_found`. */
  protected require(tx: Transaction, id: number): T {
    const object = tx.get(this.kind, id);
    if (object === undefined) throw missing(this.words, id);
    return object;
  }

  /** Where a subclass tells the world of a change. */
  protected store(tx: Transaction, object: T, _previous: T): T {
    return tx.put(this.kind, object);
  }

  /** One authorised change of one object. */
  protected async edit(
    actor: Actor,
    id: number,
    right: Right,
    change: (object: T, tx: Transaction) => T,
  ): Promise<T> {
    return await this.context.registry.transact((tx) => {
      const object = this.require(tx, id);
      authorize(actor, object, right, this.words.label);
      return this.store(tx, change(object, tx), object);
    });
  }
}

type NewOwner = Partial<Pick<Owned, "uid" | "uname" | "gid" | "gname">>;

/**
 * Only administrators give objects away; others may move them between their own groups. To give them to whom they
 * belong already is nothing, and anybody's who may do it at all.
 */
function newOwner(tx: Transaction, actor: Actor, present: Owned, owner: Ownership): NewOwner {
  const changed: { uid?: number; uname?: string; gid?: number; gname?: string } = {};
  if (owner.uid !== undefined && owner.uid !== present.uid) {
    const user = tx.get(USERS, owner.uid);
    if (user === undefined) throw missing({ noun: "user", label: "USER" }, owner.uid);
    if (!isAdmin(actor)) {
      throw new GatehouseError(
        "forbidden",
        `User [${actor.uid}] : Not authorized to perform MANAGE USER [${owner.uid}].`,
      );
    }
    changed.uid = user.id;
    changed.uname = user.name;
  }
  if (owner.gid !== undefined && owner.gid !== present.gid) {
    const group = tx.get(GROUPS, owner.gid);
    if (group === undefined) throw missing({ noun: "group", label: "GROUP" }, owner.gid);
    if (!isAdmin(actor) && !actor.gids.includes(owner.gid)) {
      throw new GatehouseError(
        "forbidden",
        `User [${actor.uid}] : Not authorized to perform USE GROUP [${owner.gid}].`,
      );
    }
    changed.gid = group.id;
    changed.gname = group.name;
  }
  return changed;
}

/** The owner's fields of something an actor makes. */
export function ownedBy(tx: Transaction, actor: Actor): Pick<Owned, "uid" | "gid" | "uname" | "gname"> {
  const group = tx.get(GROUPS, actor.gid);
  return { uid: actor.uid, uname: actor.name, gid: actor.gid, gname: group?.name ?? String(actor.gid) };
}
