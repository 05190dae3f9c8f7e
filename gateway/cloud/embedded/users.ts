/** Users of the embedded cloud. They change by an administrator's hand, or their own. */

import { epochSeconds } from "../../../shared/clock.ts";
import { GatehouseError } from "../../../shared/errors.ts";
import { appendTemplate } from "../../../shared/template/edit.ts";
import { stringOf, type Template } from "../../../shared/template/types.ts";
import type { Transaction } from "../../store/transaction.ts";
import { withoutBlanks } from "../access/subject.ts";
import { type Actor, actorOf, SYSTEM } from "../actor.ts";
import type { LoginToken, User } from "../model.ts";
import { authorizeAdmin, isAdmin } from "../permissions.ts";
import type { UpdateMode } from "../pools/pool.ts";
import type { UserPool } from "../pools/user-pools.ts";
import { requireGroup } from "./groups.ts";
import { durable, GROUPS, USERS, userByName } from "./kinds.ts";
import { checkName } from "./names.ts";
import { hashPassword, isOldHash, newLoginToken, newTokenPassword, passwordMatches } from "./passwords.ts";
import { missing, type PoolContext } from "./pool.ts";

const USER_WORDS = { noun: "user", label: "USER" };

/** The group new users belong to. */
export const USERS_GROUP_ID = 1;
/** OpenNebula keeps ids below 2 for oneadmin and serveradmin. */
const SERVERADMIN_UID = 1;
const LAST_RESERVED_UID = SERVERADMIN_UID;

/** OpenNebula's limit on a user's tokens, and a bound of ours on their length. */
const MAX_LOGIN_TOKENS = 10;
const MAX_LOGIN_TOKEN_LENGTH = 512;

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
    checkUserName(options.name);
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
        passwordHash: storedPassword(options.password, options.driver),
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
    await this.#edit(actor, id, (user) => ({
      ...user,
      passwordHash: storedPassword(password, user.authDriver),
    }));
  }

  async setDriver(actor: Actor, id: number, driver: string, password?: string): Promise<void> {
    authorizeAdmin(actor, "MANAGE", USER_WORDS.label, id);
    await this.#edit(actor, id, (user) => ({
      ...user,
      authDriver: driver,
      ...(password === undefined ? {} : { passwordHash: storedPassword(password, driver) }),
    }));
  }

  async setEnabled(actor: Actor, id: number, enabled: boolean): Promise<void> {
    authorizeAdmin(actor, "MANAGE", USER_WORDS.label, id);
    if (id === SYSTEM.uid && !enabled)
      throw new GatehouseError("forbidden", `USER ${id} cannot be disabled: nobody could enable it again.`);
    await this.#edit(actor, id, (user) => ({ ...user, enabled }));
  }

  async setGroup(actor: Actor, id: number, gid: number): Promise<void> {
    authorizeAdmin(actor, "MANAGE", USER_WORDS.label, id);
    await this.#edit(actor, id, (user, tx) => {
      const group = requireGroup(tx, gid);
      const others = user.gids.filter((other) => other !== user.gid && other !== gid);
      return { ...user, gid, gname: group.name, gids: [gid, ...others] };
    });
  }

  async joinGroup(actor: Actor, id: number, gid: number): Promise<void> {
    authorizeAdmin(actor, "MANAGE", USER_WORDS.label, id);
    await this.#edit(actor, id, (user, tx) => {
      requireGroup(tx, gid);
      if (user.gids.includes(gid)) throw new GatehouseError("conflict", "User is already in this group");
      return { ...user, gids: [...user.gids, gid] };
    });
  }

  async leaveGroup(actor: Actor, id: number, gid: number): Promise<void> {
    authorizeAdmin(actor, "MANAGE", USER_WORDS.label, id);
    await this.#edit(actor, id, (user, tx) => {
      requireGroup(tx, gid);
      if (user.gid === gid)
        throw new GatehouseError("conflict", "Cannot remove user from the primary group. Try chgrp instead");
      if (!user.gids.includes(gid)) throw new GatehouseError("conflict", "User is not part of this group");
      return { ...user, gids: user.gids.filter((other) => other !== gid) };
    });
  }

  async addLoginToken(
    actor: Actor,
    id: number,
    asked: Omit<LoginToken, "token"> & { readonly token?: string | undefined },
  ): Promise<string> {
    const { token = newLoginToken(), expires, gid } = asked;
    if (token === "" || token.length > MAX_LOGIN_TOKEN_LENGTH)
      throw new GatehouseError("bad_request", `A token has 1 to ${MAX_LOGIN_TOKEN_LENGTH} characters.`);
    const now = epochSeconds(this.#context.clock);
    await this.#edit(actor, id, (user) => {
      if (gid !== -1 && !user.gids.includes(gid))
        throw new GatehouseError("bad_request", `EGID ${gid} is not one of the user's groups.`);
      const kept = (user.loginTokens ?? []).filter(
        (other) => other.token !== token && (other.expires === -1 || other.expires > now),
      );
      if (kept.length >= MAX_LOGIN_TOKENS)
        throw new GatehouseError("bad_request", `Max number of tokens limit reached (${MAX_LOGIN_TOKENS}).`);
      return { ...user, loginTokens: [...kept, { token, expires, gid }] };
    });
    return token;
  }

  async removeLoginTokens(actor: Actor, id: number, token?: string): Promise<void> {
    await this.#edit(actor, id, (user) => {
      const tokens = user.loginTokens ?? [];
      const kept = token === undefined ? [] : tokens.filter((other) => other.token !== token);
      if (token !== undefined && kept.length === tokens.length)
        throw new GatehouseError("not_found", "Could not find token.");
      return { ...user, loginTokens: kept };
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

  async named(name: string): Promise<User | undefined> {
    return userByName(durable(this.#context.registry), name);
  }

  /** Other drivers keep no password here: what a server has is a key. */
  async authenticate(name: string, password: string): Promise<Actor | undefined> {
    const user = userByName(durable(this.#context.registry), name);
    const matches = passwordMatches(password, user?.passwordHash ?? NOBODYS_HASH);
    if (user === undefined || !matches || !user.enabled || user.authDriver !== "core") return undefined;
    if (isOldHash(user.passwordHash)) await this.setPassword(actorOf(user), user.id, password);
    return actorOf(user);
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

/** A certificate's subject is no secret, and is looked at as it is. */
function storedPassword(password: string, driver: string | undefined): string {
  return driver === "server_x509" ? withoutBlanks(password) : hashPassword(password);
}

/** A session is `name:password`, so a name ends at the first colon. */
function checkUserName(name: string): void {
  checkName(name);
  if (/[:\s]/.test(name))
    throw new GatehouseError("bad_request", "Invalid NAME, it must not hold blanks or colons.");
}

/** What a first start makes: oneadmin, serveradmin, and the two groups of OpenNebula. */
export function makeFirstUsers(tx: Transaction, secrets: FirstSecrets): void {
  tx.insertWithId(GROUPS, { id: 0, name: "oneadmin", template: {}, adminIds: [] });
  tx.insertWithId(GROUPS, { id: USERS_GROUP_ID, name: "users", template: {}, adminIds: [] });
  tx.insertWithId(USERS, {
    id: SYSTEM.uid,
    name: SYSTEM.name,
    gid: 0,
    gname: "oneadmin",
    gids: [0],
    passwordHash: hashPassword(secrets.password),
    authDriver: "core",
    enabled: true,
    template: { TOKEN_PASSWORD: newTokenPassword() },
  });
  if (secrets.serverPassword === undefined) return;
  tx.insertWithId(USERS, {
    id: SERVERADMIN_UID,
    name: "serveradmin",
    gid: 0,
    gname: "oneadmin",
    gids: [0],
    passwordHash: hashPassword(secrets.serverPassword),
    authDriver: "server_cipher",
    enabled: true,
    template: { TOKEN_PASSWORD: newTokenPassword() },
  });
}

/** Passwords of the first users. Without `serverPassword` there is no serveradmin. */
export interface FirstSecrets {
  readonly password: string;
  readonly serverPassword?: string | undefined;
}
