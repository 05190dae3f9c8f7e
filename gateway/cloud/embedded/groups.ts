/** Groups of the embedded cloud. They change by an administrator's hand. */

import { GatehouseError } from "../../../shared/errors.ts";
import { appendTemplate } from "../../../shared/template/edit.ts";
import type { Template } from "../../../shared/template/types.ts";
import type { Transaction } from "../../store/transaction.ts";
import type { Actor } from "../actor.ts";
import type { Group } from "../model.ts";
import { authorizeAdmin, isAdmin } from "../permissions.ts";
import type { UpdateMode } from "../pools/pool.ts";
import type { GroupPool } from "../pools/user-pools.ts";
import { GROUPS, USERS } from "./kinds.ts";
import { checkName } from "./names.ts";
import { missing, type PoolContext } from "./pool.ts";

const GROUP_WORDS = { noun: "group", label: "GROUP" };

const LAST_RESERVED_GID = 1;

/** @throws GatehouseError `not_found`. */
export function requireGroup(tx: Transaction, gid: number): Group {
  const group = tx.get(GROUPS, gid);
  if (group === undefined) throw missing(GROUP_WORDS, gid);
  return group;
}

export class Groups implements GroupPool {
  readonly #context: PoolContext;

  constructor(context: PoolContext) {
    this.#context = context;
  }

  async get(actor: Actor, id: number): Promise<Group> {
    const group = this.#context.registry.collection(GROUPS).get(id);
    if (group === undefined) throw missing(GROUP_WORDS, id);
    if (!actor.gids.includes(id)) authorizeAdmin(actor, "USE", GROUP_WORDS.label, id);
    return group;
  }

  peek(actor: Actor, id: number): Group | undefined {
    const mayUse = actor.gids.includes(id) || isAdmin(actor);
    return mayUse ? this.#context.registry.collection(GROUPS).get(id) : undefined;
  }

  async list(actor: Actor): Promise<readonly Group[]> {
    const groups = [...this.#context.registry.collection(GROUPS).values()];
    return groups
      .filter((group) => isAdmin(actor) || actor.gids.includes(group.id))
      .sort((a, b) => a.id - b.id);
  }

  async allocate(actor: Actor, name: string): Promise<number> {
    authorizeAdmin(actor, "CREATE", GROUP_WORDS.label);
    checkName(name);
    return await this.#context.registry.transact((tx) => {
      for (const group of tx.values(GROUPS)) {
        if (group.name === name)
          throw new GatehouseError("conflict", `NAME is already taken by GROUP ${group.id}.`);
      }
      return tx.insert(GROUPS, (id) => ({ id, name, template: {}, adminIds: [] })).id;
    });
  }

  async update(actor: Actor, id: number, template: Template, mode: UpdateMode): Promise<void> {
    authorizeAdmin(actor, "MANAGE", GROUP_WORDS.label, id);
    await this.#context.registry.transact((tx) => {
      const group = requireGroup(tx, id);
      tx.put(GROUPS, {
        ...group,
        template: mode === "append" ? appendTemplate(group.template, template) : template,
      });
    });
  }

  async delete(actor: Actor, id: number): Promise<void> {
    authorizeAdmin(actor, "ADMIN", GROUP_WORDS.label, id);
    await this.#context.registry.transact((tx) => {
      requireGroup(tx, id);
      if (id <= LAST_RESERVED_GID)
        throw new GatehouseError("forbidden", `System groups cannot be deleted (GROUP ${id}).`);
      for (const user of tx.values(USERS)) {
        if (user.gids.includes(id)) {
          throw new GatehouseError(
            "conflict",
            `The group ${id} is not empty: user ${user.id} belongs to it.`,
          );
        }
      }
      tx.delete(GROUPS, id);
    });
  }
}
