/** The GROUP document. USERS is derived from the users themselves, so it is printed and not read. */

import { z } from "zod";
import type { Group, JsonObject } from "../model.ts";
import { id, ids, json, readDocument, requiredText, type Unversioned } from "./fields.ts";
import { printIds } from "./json-form.ts";
import { NO_QUOTAS, QUOTA_ORDER } from "./quotas.ts";
import { extraOf, layOut } from "./sections.ts";
import { template } from "./template-part.ts";

const shape = {
  ID: id,
  NAME: requiredText,
  TEMPLATE: template,
  USERS: ids,
  ADMINS: ids,
};

const schema = z.object(shape).catchall(json);

const ORDER = [
  "ID",
  "NAME",
  "TEMPLATE",
  "USERS",
  "ADMINS",
  ...QUOTA_ORDER,
  "VLAN_RULES",
  "DEFAULT_GROUP_QUOTAS",
];

const DEFAULTS = { ...NO_QUOTAS, DEFAULT_GROUP_QUOTAS: NO_QUOTAS };

/** `{"GROUP": {...}}` with the ids of the users that have this group among theirs. */
export function groupToDocument(group: Unversioned<Group>, userIds: readonly number[]): JsonObject {
  const fields = {
    ID: String(group.id),
    NAME: group.name,
    TEMPLATE: group.template,
    USERS: printIds(userIds),
    ADMINS: printIds(group.adminIds),
  };
  return { GROUP: layOut(ORDER, fields, group.extra, DEFAULTS) };
}

/** @throws GatehouseError `bad_request` with the path of the bad field. */
export function groupFromDocument(value: unknown, path = ""): Unversioned<Group> {
  const read = readDocument("GROUP", schema, value, path);
  return {
    id: read.ID,
    name: read.NAME,
    template: read.TEMPLATE,
    adminIds: read.ADMINS,
    ...extraOf(read, shape, DEFAULTS),
  };
}
