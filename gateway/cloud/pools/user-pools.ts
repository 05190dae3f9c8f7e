/** A cloud's users and groups. */

import type { Template } from "../../../shared/template/types.ts";
import type { Actor } from "../actor.ts";
import type { Group, LoginToken, User } from "../model.ts";
import type { Pool, UpdateMode } from "./pool.ts";

export interface UserPool extends Pool<User> {
  allocate(
    actor: Actor,
    user: { name: string; password: string; driver?: string; gids?: readonly number[] },
  ): Promise<number>;
  update(actor: Actor, id: number, template: Template, mode: UpdateMode): Promise<void>;
  setPassword(actor: Actor, id: number, password: string): Promise<void>;
  /**
   * `core` keeps a password of its own, `server_cipher` and `server_x509` are a server's (the latter's password is the
   * subject of its certificate); with a driver may come a new password.
   */
  setDriver(actor: Actor, id: number, driver: string, password?: string): Promise<void>;
  setEnabled(actor: Actor, id: number, enabled: boolean): Promise<void>;
  /** The primary group. */
  setGroup(actor: Actor, id: number, gid: number): Promise<void>;
  joinGroup(actor: Actor, id: number, gid: number): Promise<void>;
  /** Refused for the primary group. */
  leaveGroup(actor: Actor, id: number, gid: number): Promise<void>;
  /**
   * Without a token one is made; returns it. Tokens that have ended go. `bad_request` when the user is in no such
   * group, or has too many tokens.
   */
  addLoginToken(
    actor: Actor,
    id: number,
    token: Omit<LoginToken, "token"> & { readonly token?: string | undefined },
  ): Promise<string>;
  /** One token, or every one. `not_found` when the user has no such token. */
  removeLoginTokens(actor: Actor, id: number, token?: string): Promise<void>;
  delete(actor: Actor, id: number): Promise<void>;
  /** The actor of a user id; undefined when there is no such user. */
  actor(uid: number): Promise<Actor | undefined>;
  /** The same without waiting, as `peek`. */
  peekActor(uid: number): Actor | undefined;
  /** The user of a name, with hash and tokens: for what proves who asks, and never for an answer. */
  named(name: string): Promise<User | undefined>;
  /** The actor a name and password prove; undefined when they prove nobody. */
  authenticate(name: string, password: string): Promise<Actor | undefined>;
}

export interface GroupPool extends Pool<Group> {
  allocate(actor: Actor, name: string): Promise<number>;
  update(actor: Actor, id: number, template: Template, mode: UpdateMode): Promise<void>;
  delete(actor: Actor, id: number): Promise<void>;
}
