/** one.user.* and one.userpool.*: users, and the tokens they log in with. */

import { z } from "zod";
import { epochSeconds } from "../../shared/clock.ts";
import { GatehouseError } from "../../shared/errors.ts";
import { NO_QUOTAS } from "../cloud/document/quotas.ts";
import { userToDocument } from "../cloud/document/user.ts";
import { isAdmin } from "../cloud/permissions.ts";
import { CORE_CODE, CoreRefusal } from "./codes.ts";
import { documentXml, poolXml } from "./document-xml.ts";
import { type Call, flag, integer, integers, type Methods, method, text, unsupported } from "./method.ts";
import { newestFirst } from "./pool-query.ts";
import { withoutQuotas } from "./quotas.ts";
import { updateArguments } from "./template-argument.ts";

const CORE_DRIVER = "core";
const MYSELF = -1;

export const userMethods: Methods = {
  "one.user.info": method(
    z.tuple([integer.default(MYSELF), flag.default(false)]),
    async ({ cloud, actor }, [id]) =>
      documentXml(userToDocument(await cloud.users.get(actor, id === MYSELF ? actor.uid : id))),
  ),

  "one.user.allocate": method(
    z.tuple([text, text, text.default(CORE_DRIVER), integers.default([])]),
    async ({ cloud, actor }, [name, password, driver, gids]) => {
      if (password === "") throw badArgument("Invalid password, it cannot be empty.");
      return await cloud.users.allocate(actor, { name, password, driver: driver || CORE_DRIVER, gids });
    },
  ),

  "one.user.update": method(
    z.tuple([integer, text, integer.default(0)]),
    async (call, [id, source, type]) => {
      const { template, mode } = updateArguments(source, type);
      await call.cloud.users.update(call.actor, id, template, mode);
      return id;
    },
  ),

  "one.user.delete": method(z.tuple([integer]), async ({ cloud, actor }, [id]) => {
    await cloud.users.delete(actor, id);
    return id;
  }),

  "one.user.passwd": method(z.tuple([integer, text]), async ({ cloud, actor }, [id, password]) => {
    await cloud.users.setPassword(actor, id, password);
    return id;
  }),

  "one.user.chauth": method(
    z.tuple([integer, text, text.default("")]),
    async ({ cloud, actor }, [id, driver, password]) => {
      if (driver === "") throw badArgument("The authentication driver must be given.");
      await cloud.users.setDriver(actor, id, driver, password === "" ? undefined : password);
      return id;
    },
  ),

  "one.user.chgrp": method(z.tuple([integer, integer]), async ({ cloud, actor }, [id, gid]) => {
    await cloud.users.setGroup(actor, id, gid);
    return id;
  }),

  "one.user.addgroup": method(z.tuple([integer, integer]), async ({ cloud, actor }, [id, gid]) => {
    await cloud.users.joinGroup(actor, id, gid);
    return id;
  }),

  "one.user.delgroup": method(z.tuple([integer, integer]), async ({ cloud, actor }, [id, gid]) => {
    await cloud.users.leaveGroup(actor, id, gid);
    return id;
  }),

  "one.user.enable": method(z.tuple([integer, flag]), async ({ cloud, actor }, [id, enabled]) => {
    await cloud.users.setEnabled(actor, id, enabled);
    return id;
  }),

  "one.user.login": method(
    z.tuple([text, text.default(""), integer.default(-1), integer.default(-1)]),
    async (call, [name, token, seconds, gid]) => login(call, { name, token, seconds, gid }),
  ),

  "one.user.quota": unsupported("Quotas are not enforced in this cloud."),
  "one.userquota.info": method(z.tuple([]), async () => documentXml({ DEFAULT_USER_QUOTAS: NO_QUOTAS })),
  "one.userquota.update": unsupported("Quotas are not enforced in this cloud."),

  "one.userpool.info": method(z.tuple([]), async ({ cloud, actor }) => {
    const users = newestFirst(await cloud.users.list(actor));
    const printed = users.map((user) =>
      withoutQuotas("USER", user.id, userToDocument(user), "DEFAULT_USER_QUOTAS"),
    );
    return poolXml("USER_POOL", [...printed, documentXml({ DEFAULT_USER_QUOTAS: NO_QUOTAS })]);
  }),
};

function badArgument(message: string): CoreRefusal {
  return new CoreRefusal(CORE_CODE.XML_RPC_API, message);
}

interface Login {
  readonly name: string;
  /** Empty: one is made; or, for 0 seconds, every token ends. */
  readonly token: string;
  /** -1: without end; 0: the token ends now. */
  readonly seconds: number;
  readonly gid: number;
}

/** Gives the token; empty when it ended (spec core-xmlrpc.md 2 and 4). */
async function login(call: Call, { name, token, seconds, gid }: Login): Promise<string> {
  const { cloud, actor, clock } = call;
  const user = await cloud.users.named(name);
  // Who may not ask learns nothing of which names there are.
  if (user === undefined || (user.id !== actor.uid && !isAdmin(actor)))
    throw new GatehouseError("forbidden", `User [${actor.uid}] : Not authorized to perform MANAGE USER.`);
  if (seconds === 0) {
    await cloud.users.removeLoginTokens(actor, user.id, token === "" ? undefined : token);
    return "";
  }
  if (seconds < -1) throw badArgument("The time must be -1 (no end), 0 (end it now) or a number of seconds.");
  // A session of one group must not make itself one of all groups.
  const narrowed = user.id === actor.uid && actor.gids.length < user.gids.length;
  const onlyGid = gid < 0 && narrowed ? actor.gid : gid;
  if (narrowed && onlyGid !== actor.gid) throw badArgument(`EGID must be ${actor.gid}, as of this session.`);
  return await cloud.users.addLoginToken(actor, user.id, {
    token: token === "" ? undefined : token,
    expires: seconds === -1 ? -1 : epochSeconds(clock) + seconds,
    gid: Math.max(onlyGid, -1),
  });
}
