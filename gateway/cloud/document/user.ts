/** The USER document. It carries the password's hash and TOKEN_PASSWORD: whoever prints it for others leaves them out. */

import { z } from "zod";
import type { JsonObject, User } from "../model.ts";
import { flag, id, ids, json, readDocument, requiredText, text, type Unversioned } from "./fields.ts";
import { printFlag, printIds } from "./json-form.ts";
import { NO_QUOTAS, QUOTA_ORDER } from "./quotas.ts";
import { extraOf, layOut } from "./sections.ts";
import { template } from "./template-part.ts";

const USERS_GROUP = 1;

const shape = {
  ID: id,
  GID: id.default(USERS_GROUP),
  GROUPS: ids,
  GNAME: text.default(""),
  NAME: requiredText,
  PASSWORD: text.default(""),
  AUTH_DRIVER: text.default("core"),
  ENABLED: flag.default(true),
  TEMPLATE: template,
};

const schema = z.object(shape).catchall(json);

const ORDER = [
  ...[
    "ID",
    "GID",
    "GROUPS",
    "GNAME",
    "NAME",
    "PASSWORD",
    "AUTH_DRIVER",
    "ENABLED",
    "LOGIN_TOKEN",
    "TEMPLATE",
  ],
  ...QUOTA_ORDER,
  "DEFAULT_USER_QUOTAS",
];

const DEFAULTS = { ...NO_QUOTAS, DEFAULT_USER_QUOTAS: NO_QUOTAS };

/** `{"USER": {...}}`, secrets included. */
export function userToDocument(user: Unversioned<User>): JsonObject {
  const fields = {
    ID: String(user.id),
    GID: String(user.gid),
    GROUPS: printIds(user.gids),
    GNAME: user.gname,
    NAME: user.name,
    PASSWORD: user.passwordHash,
    AUTH_DRIVER: user.authDriver,
    ENABLED: printFlag(user.enabled),
    TEMPLATE: user.template,
  };
  return { USER: layOut(ORDER, fields, user.extra, DEFAULTS) };
}

/** The primary group joins GROUPS where it was left out. @throws GatehouseError `bad_request` with the field's path. */
export function userFromDocument(value: unknown, path = ""): Unversioned<User> {
  const read = readDocument("USER", schema, value, path);
  return {
    id: read.ID,
    name: read.NAME,
    gid: read.GID,
    gname: read.GNAME,
    gids: read.GROUPS.includes(read.GID) ? read.GROUPS : [read.GID, ...read.GROUPS],
    passwordHash: read.PASSWORD,
    authDriver: read.AUTH_DRIVER,
    enabled: read.ENABLED,
    template: read.TEMPLATE,
    ...extraOf(read, shape, DEFAULTS),
  };
}
