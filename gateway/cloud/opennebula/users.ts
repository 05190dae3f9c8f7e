/** Users of an OpenNebula, and who they prove to be: the core alone decides that. */

import { randomBytes } from "node:crypto";
import { epochSeconds } from "../../../shared/clock.ts";
import { isGatehouseError } from "../../../shared/errors.ts";
import type { Template } from "../../../shared/template/types.ts";
import { type Actor, actorOf, SYSTEM } from "../actor.ts";
import type { LoginToken, User } from "../model.ts";
import { isAdmin } from "../permissions.ts";
import type { UpdateMode } from "../pools/pool.ts";
import type { UserPool } from "../pools/user-pools.ts";
import { treeIn } from "./core.ts";
import { USERS } from "./kinds.ts";
import { recipeKey } from "./makes.ts";
import { RemotePool } from "./pool.ts";
import { ALL } from "./pool-look.ts";
import { templateText, updateType } from "./template-text.ts";

const MYSELF = -1;
/** one.user.login takes this for "without end", and 0 for "end it now". */
const NO_END = -1;
const TOKEN_BYTES = 20;

interface NewUser {
  readonly name: string;
  readonly password: string;
  readonly driver?: string;
  readonly gids?: readonly number[];
}

export class RemoteUsers extends RemotePool<User> implements UserPool {
  protected maySee(actor: Actor, user: User): boolean {
    return actor.uid === user.id || isAdmin(actor);
  }

  override async list(actor: Actor): Promise<readonly User[]> {
    return await this.objects.list(actor, ALL);
  }

  /** @throws GatehouseError `unavailable` when the core cannot say whether there is such a user. */
  async actor(uid: number): Promise<Actor | undefined> {
    try {
      return actorOf(await this.objects.get(SYSTEM, uid));
    } catch (error) {
      if (!isGatehouseError(error) || error.code !== "not_found") throw error;
      this.objects.sight.gone(uid);
      return undefined;
    }
  }

  peekActor(uid: number): Actor | undefined {
    const user = this.objects.sight.peek(uid);
    return user && actorOf(user);
  }

  async named(name: string): Promise<User | undefined> {
    if (!isName(name)) return undefined;
    const look = this.objects.sight.look();
    const xml = await this.tools.core.readNamed(name, "one.user.info", MYSELF);
    const user = xml === undefined ? undefined : this.#taken(xml, look);
    return user?.name === name ? user : undefined;
  }

  async authenticate(name: string, password: string): Promise<Actor | undefined> {
    if (!isName(name)) return undefined;
    const look = this.objects.sight.look();
    const xml = await this.tools.core.readAs(name, password, "one.user.info", MYSELF);
    const user = xml === undefined ? undefined : this.#taken(xml, look);
    // Whoever knows a server's password could prove to be anybody: that is no password of a user's.
    return user?.name === name ? actorOf(user) : undefined;
  }

  async allocate(actor: Actor, { name, password, driver = "core", gids = [] }: NewUser): Promise<number> {
    return await this.made({
      key: recipeKey("user", actor.uid, name, driver, gids),
      call: () => this.tools.core.make(actor, "one.user.allocate", name, password, driver, gids),
      find: async (isCandidate) =>
        (await this.objects.list(SYSTEM, ALL)).find((user) => user.name === name && isCandidate(user.id))?.id,
    });
  }

  async update(actor: Actor, id: number, template: Template, mode: UpdateMode): Promise<void> {
    await this.doTo(actor, id, "update", templateText(template), updateType(mode));
  }

  async setPassword(actor: Actor, id: number, password: string): Promise<void> {
    await this.doTo(actor, id, "passwd", password);
  }

  async setDriver(actor: Actor, id: number, driver: string, password = ""): Promise<void> {
    await this.doTo(actor, id, "chauth", driver, password);
  }

  async setEnabled(actor: Actor, id: number, enabled: boolean): Promise<void> {
    await this.doTo(actor, id, "enable", enabled);
  }

  async setGroup(actor: Actor, id: number, gid: number): Promise<void> {
    await this.doTo(actor, id, "chgrp", gid);
  }

  async joinGroup(actor: Actor, id: number, gid: number): Promise<void> {
    await this.doTo(actor, id, "addgroup", gid);
  }

  async leaveGroup(actor: Actor, id: number, gid: number): Promise<void> {
    await this.doTo(actor, id, "delgroup", gid);
  }

  async addLoginToken(
    actor: Actor,
    id: number,
    {
      token = randomBytes(TOKEN_BYTES).toString("hex"),
      expires,
      gid,
    }: Omit<LoginToken, "token"> & {
      readonly token?: string | undefined;
    },
  ): Promise<string> {
    const left = expires === NO_END ? NO_END : expires - epochSeconds(this.tools.core.clock);
    const { name } = await this.objects.get(SYSTEM, id);
    // One that has ended proves nobody, and the core would take its time for another meaning.
    if (left <= 0 && left !== NO_END) return token;
    await this.change(id, () => this.tools.core.write(actor, "one.user.login", name, token, left, gid));
    return token;
  }

  async removeLoginTokens(actor: Actor, id: number, token = ""): Promise<void> {
    const { name } = await this.objects.get(SYSTEM, id);
    await this.change(id, () => this.tools.core.write(actor, "one.user.login", name, token, 0, -1));
  }

  async delete(actor: Actor, id: number): Promise<void> {
    await this.end(actor, id);
  }

  #taken(xml: string, look: ReturnType<RemoteUsers["objects"]["sight"]["look"]>): User {
    return this.objects.sight.take(USERS.read(treeIn(xml, "one.user.info")), look, "info").object;
  }
}

/** With a colon in it, the rest of a session would begin elsewhere. */
function isName(name: string): boolean {
  return /^[^:\s]{1,256}$/.test(name);
}
