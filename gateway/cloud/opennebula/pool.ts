/** What the pools of this cloud have in common: read, change and look again, make at most once. */

import type { RpcValue } from "../../../shared/xmlrpc/encoding.ts";
import type { Actor } from "../actor.ts";
import type { Base, Owned } from "../model.ts";
import { isAllowed } from "../permissions.ts";
import type { LockLevel, OwnedPool, OwnerFilter, Ownership, PermissionBits, Pool } from "../pools/pool.ts";
import type { Core } from "./core.ts";
import type { Makes, Recipe } from "./makes.ts";
import type { Objects } from "./objects.ts";
import { UnknownOutcome } from "./refusals.ts";
import { kept } from "./template-text.ts";
import type { OneByOne } from "./turns.ts";

/** What every pool needs. */
export interface PoolTools {
  readonly core: Core;
  readonly makes: Makes;
  readonly turns: OneByOne;
  /** Once it is known what there was before whoever listens began to. */
  readonly ready: () => Promise<void>;
}

const FLAGS = { all: -2, mine: -3, mine_and_groups: -1, primary_group: -4 } as const;

/** The filter flag of a pool call (spec core-xmlrpc.md 1). */
export function flagOf(filter: OwnerFilter): number {
  return filter.kind === "user" ? filter.uid : FLAGS[filter.kind];
}

export abstract class RemotePool<T extends Base> implements Pool<T> {
  protected readonly tools: PoolTools;
  protected readonly objects: Objects<T>;
  /** As in `one.vm.info`. */
  protected readonly object: string;

  constructor(tools: PoolTools, objects: Objects<T>, object: string) {
    this.tools = tools;
    this.objects = objects;
    this.object = object;
  }

  /** By what is known here: the core's access rules may allow more, and then it is asked. */
  protected abstract maySee(actor: Actor, object: T): boolean;

  async get(actor: Actor, id: number): Promise<T> {
    return await this.objects.get(actor, id);
  }

  peek(actor: Actor, id: number): T | undefined {
    const object = this.objects.sight.peek(id);
    return object !== undefined && this.maySee(actor, object) ? object : undefined;
  }

  async list(actor: Actor, filter: OwnerFilter = { kind: "all" }): Promise<readonly T[]> {
    return await this.objects.list(actor, flagOf(filter));
  }

  /** `one.<object>.<action>` on one object, which is then looked at: who listens hears of it before the caller goes on. */
  protected async doTo(
    actor: Actor,
    id: number,
    action: string,
    ...values: readonly RpcValue[]
  ): Promise<void> {
    await this.change(id, () => this.tools.core.write(actor, `one.${this.object}.${action}`, id, ...values));
  }

  protected async change<R>(id: number, work: () => Promise<R>): Promise<R> {
    await this.tools.ready();
    const done = await this.#orDoubt(id, work);
    await this.objects.refresh(id);
    return done;
  }

  /** Its last state is told before its end. */
  protected async end(actor: Actor, id: number, ...values: readonly RpcValue[]): Promise<void> {
    await this.tools.ready();
    await this.objects.refresh(id);
    await this.#orDoubt(id, () => this.tools.core.write(actor, `one.${this.object}.delete`, id, ...values));
    this.objects.sight.gone(id);
  }

  protected async made(recipe: Omit<Recipe<number>, "highest" | "idsOf">): Promise<number> {
    await this.tools.ready();
    const highest = () => this.objects.sight.highest();
    const id = await this.tools.makes.once({ ...recipe, highest, idsOf: (made) => [made] });
    await this.objects.refresh(id);
    return id;
  }

  async #orDoubt<R>(id: number, work: () => Promise<R>): Promise<R> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof UnknownOutcome) this.objects.sight.doubt(id);
      throw error;
    }
  }
}

/** Kinds whose names are unique: a call that is repeated is refused by the core itself. */
export const NOT_FOUND = async (): Promise<undefined> => undefined;

export abstract class OwnedRemotePool<T extends Owned> extends RemotePool<T> implements OwnedPool<T> {
  protected maySee(actor: Actor, object: T): boolean {
    return isAllowed(actor, object, "USE");
  }

  async rename(actor: Actor, id: number, name: string): Promise<void> {
    await this.doTo(actor, id, "rename", kept(name));
  }

  async chmod(actor: Actor, id: number, bits: PermissionBits): Promise<void> {
    await this.doTo(actor, id, "chmod", ...bits);
  }

  async chown(actor: Actor, id: number, { uid = -1, gid = -1 }: Ownership): Promise<void> {
    await this.doTo(actor, id, "chown", uid, gid);
  }

  async lock(actor: Actor, id: number, level: LockLevel): Promise<void> {
    await this.doTo(actor, id, "lock", level, false);
  }

  async unlock(actor: Actor, id: number): Promise<void> {
    await this.doTo(actor, id, "unlock");
  }

  /** The newest object of the actor's own that is a candidate and such a one. */
  protected async findMine(
    actor: Actor,
    isCandidate: (id: number) => boolean,
    isIt: (object: T) => boolean,
  ): Promise<number | undefined> {
    const mine = await this.objects.list(actor, FLAGS.mine);
    return mine.find((object) => object.uid === actor.uid && isCandidate(object.id) && isIt(object))?.id;
  }
}
