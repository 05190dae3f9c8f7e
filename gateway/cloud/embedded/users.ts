/** Users and groups of the embedded cloud. Users change by an administrator's hand, or their own. */

import { GatehouseError } from "../../../shared/errors.ts";
import { appendTemplate } from "../../../shared/template/edit.ts";
import { stringOf, type Template } from "../../../shared/template/types.ts";
import type { Transaction } from "../../store/transaction.ts";
import { type Actor, type GroupPool, SYSTEM, type UpdateMode, type UserPool } from "../cloud.ts";
import type { Group, User } from "../model.ts";
import { authorizeAdmin, isAdmin } from "../permissions.ts";
import { durable, GROUPS, USERS, userByName } from "./kinds.ts";
import { checkName } from "./names.ts";
import { hashPassword, newTokenPassword, passwordMatches } from "./passwords.ts";
import { missing, type PoolContext } from "./pool.ts";

const USER_WORDS = { noun: "user", label: "USER" };
const GROUP_WORDS = { noun: "group", label: "GROUP" };

/** The group new users belong to. */
export const USERS_GROUP_ID = 1;
/** OpenNebula keeps ids below 2 for oneadmin and serveradmin. */
const LAST_RESERVED_UID = 1;
const LAST_RESERVED_GID = 1;

/** A hash no password has, so that an unknown name costs the same as a wrong password. */
const NOBODYS_HASH = hashPassword(newTokenPassword());

export class Users implements UserPool {
  readonly #context: PoolContext;

  constructor(context: PoolContext) {
    this.#context = context;
  }

  async get(actor: Actor, id: number): Promise<User> {
    const user = this.#context.registry.collection(USERS).get(id);
    if (user === undefined) throw missing(USER_WORDS, id);
    if (actor.uid !== id) authorizeAdmin(actor, "USE", USER_WORDS.label, id);
    return user;
  }

  peek(actor: Actor, id: number): User | undefined {
    return actor.uid === id || isAdmin(actor) ? this.#context.registry.collection(USERS).get(id) : undefined;
  }

  async list(actor: Actor): Promise<readonly User[]> {
    const users = [...this.#context.registry.collection(USERS).values()];
    return users.filter((user) => isAdmin(actor) || user.id === actor.uid).sort((a, b) => a.id - b.id);
  }

  async allocate(
    actor: Actor,
    options: { name: string; password: string; driver?: string; gids?: readonly number[] },
  ): Promise<number> {
    authorizeAdmin(actor, "CREATE", USER_WORDS.label);
    checkName(options.name);
    return await this.#context.registry.transact((tx) => {
      const taken = userByName(tx, options.name);
      if (taken !== undefined) {
        throw new GatehouseError("conflict", `NAME is already taken by USER ${taken.id}.`);
      }
      const gids = options.gids?.length ? options.gids : [USERS_GROUP_ID];
      const [gid = USERS_GROUP_ID] = gids;
      const group = requireGroup(tx, gid);
      for (const other of gids) requireGroup(tx, other);
      return tx.insert(USERS, (id) => ({
        id,
        name: options.name,
        gid,
        gname: group.name,
        gids,
        passwordHash: hashPassword(options.password),
        authDriver: options.driver ?? "core",
        enabled: true,
        template: { TOKEN_PASSWORD: newTokenPassword() },
      })).id;
    });
  }

  async update(actor: Actor, id: number, template: Template, mode: UpdateMode): Promise<void> {
    await this.#edit(actor, id, (user) => {
      const updated = mode === "append" ? appendTemplate(user.template, template) : template;
      // Without it no VM of the user could have a token; a replace that forgets it keeps the old one.
      const tokenPassword = stringOf(updated, "TOKEN_PASSWORD") ?? stringOf(user.template, "TOKEN_PASSWORD");
      return {
        ...user,
        template: tokenPassword === undefined ? updated : { ...updated, TOKEN_PASSWORD: tokenPassword },
      };
    });
  }

  async setPassword(actor: Actor, id: number, password: string): Promise<void> {
    if (password === "") throw new GatehouseError("bad_request", "Invalid password, it cannot be empty.");
    await this.#edit(actor, id, (user) => ({ ...user, passwordHash: hashPassword(password) }));
  }

  async setGroup(actor: Actor, id: number, gid: number): Promise<void> {
    authorizeAdmin(actor, "MANAGE", USER_WORDS.label, id);
    await this.#edit(actor, id, (user, tx) => {
      const group = requireGroup(tx, gid);
      const others = user.gids.filter((other) => other !== user.gid && other !== gid);
      return { ...user, gid, gname: group.name, gids: [gid, ...others] };
    });
  }

  async delete(actor: Actor, id: number): Promise<void> {
    authorizeAdmin(actor, "ADMIN", USER_WORDS.label, id);
    await this.#context.registry.transact((tx) => {
      if (tx.get(USERS, id) === undefined) throw missing(USER_WORDS, id);
      if (id <= LAST_RESERVED_UID)
        throw new GatehouseError("forbidden", `System users cannot be deleted (USER ${id}).`);
      tx.delete(USERS, id);
    });
  }

  async actor(uid: number): Promise<Actor | undefined> {
    return this.peekActor(uid);
  }

  peekActor(uid: number): Actor | undefined {
    const user = this.#context.registry.collection(USERS).get(uid);
    return user === undefined ? undefined : actorOf(user);
  }

  async authenticate(name: string, password: string): Promise<Actor | undefined> {
    const user = userByName(durable(this.#context.registry), name);
    const matches = passwordMatches(password, user?.passwordHash ?? NOBODYS_HASH);
    return user?.enabled && matches ? actorOf(user) : undefined;
  }

  async #edit(actor: Actor, id: number, change: (user: User, tx: Transaction) => User): Promise<void> {
    await this.#context.registry.transact((tx) => {
      const user = tx.get(USERS, id);
      if (user === undefined) throw missing(USER_WORDS, id);
      if (actor.uid !== id) authorizeAdmin(actor, "MANAGE", USER_WORDS.label, id);
      tx.put(USERS, change(user, tx));
    });
  }
}

/** The actor a user is. */
export function actorOf(user: User): Actor {
  return { uid: user.id, name: user.name, gid: user.gid, gids: user.gids };
}

function requireGroup(tx: Transaction, gid: number): Group {
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

/** What a first start makes: oneadmin, and the two groups of OpenNebula. */
export function makeFirstUsers(tx: Transaction, password: string): void {
  tx.insertWithId(GROUPS, { id: 0, name: "oneadmin", template: {}, adminIds: [] });
  tx.insertWithId(GROUPS, { id: USERS_GROUP_ID, name: "users", template: {}, adminIds: [] });
  tx.insertWithId(USERS, {
    id: SYSTEM.uid,
    name: SYSTEM.name,
    gid: 0,
    gname: "oneadmin",
    gids: [0],
    passwordHash: hashPassword(password),
    authDriver: "core",
    enabled: true,
    template: { TOKEN_PASSWORD: newTokenPassword() },
  });
}
