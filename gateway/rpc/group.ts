/** one.group.* and one.grouppool.*: groups of users. */

import { z } from "zod";
import { SYSTEM } from "../cloud/actor.ts";
import { groupToDocument } from "../cloud/document/group.ts";
import { NO_QUOTAS } from "../cloud/document/quotas.ts";
import type { Group, JsonObject, User } from "../cloud/model.ts";
import { documentXml, poolXml } from "./document-xml.ts";
import { type Call, flag, integer, type Methods, method, text, unsupported } from "./method.ts";
import { newestFirst } from "./pool-query.ts";
import { withoutQuotas } from "./quotas.ts";
import { updateArguments } from "./template-argument.ts";

const MINE = -1;

export const groupMethods: Methods = {
  "one.group.info": method(z.tuple([integer.default(MINE), flag.default(false)]), async (call, [id]) => {
    const group = await call.cloud.groups.get(call.actor, id === MINE ? call.actor.gid : id);
    return documentXml(groupDocument(group, await allUsers(call)));
  }),

  "one.group.allocate": method(z.tuple([text]), async ({ cloud, actor }, [name]) =>
    cloud.groups.allocate(actor, name),
  ),

  "one.group.update": method(
    z.tuple([integer, text, integer.default(0)]),
    async (call, [id, source, type]) => {
      const { template, mode } = updateArguments(source, type);
      await call.cloud.groups.update(call.actor, id, template, mode);
      return id;
    },
  ),

  "one.group.delete": method(z.tuple([integer]), async ({ cloud, actor }, [id]) => {
    await cloud.groups.delete(actor, id);
    return id;
  }),

  "one.group.quota": unsupported("Quotas are not enforced in this cloud."),
  "one.groupquota.info": method(z.tuple([]), async () => documentXml({ DEFAULT_GROUP_QUOTAS: NO_QUOTAS })),
  "one.groupquota.update": unsupported("Quotas are not enforced in this cloud."),
  "one.group.addadmin": unsupported("Groups have no administrators of their own in this cloud."),
  "one.group.deladmin": unsupported("Groups have no administrators of their own in this cloud."),

  "one.grouppool.info": method(z.tuple([]), async (call) => {
    const users = await allUsers(call);
    const groups = newestFirst(await call.cloud.groups.list(call.actor));
    const printed = groups.map((group) =>
      withoutQuotas("GROUP", group.id, groupDocument(group, users), "DEFAULT_GROUP_QUOTAS"),
    );
    return poolXml("GROUP_POOL", [...printed, documentXml({ DEFAULT_GROUP_QUOTAS: NO_QUOTAS })]);
  }),
};

/** Who belongs to a group is part of its document, whoever reads it. */
async function allUsers({ cloud }: Call): Promise<readonly User[]> {
  return await cloud.users.list(SYSTEM);
}

function groupDocument(group: Group, users: readonly User[]): JsonObject {
  const members = users.filter(({ gids }) => gids.includes(group.id)).map(({ id }) => id);
  return groupToDocument(group, members);
}
