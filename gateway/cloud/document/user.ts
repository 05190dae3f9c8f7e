/** The USER document. It carries the password's hash and TOKEN_PASSWORD: whoever prints it for others leaves them out. */

import { z } from "zod";
import type { JsonObject, LoginToken, User } from "../model.ts";
import {
  flag,
  id,
  ids,
  integer,
  json,
  readDocument,
  reporter,
  requiredText,
  text,
  type Unversioned,
} from "./fields.ts";
import { elementsOf, isEmptyElement, printFlag, printIds } from "./json-form.ts";
import { NO_QUOTAS, QUOTA_ORDER } from "./quotas.ts";
import { extraOf, layOut } from "./sections.ts";
import { template } from "./template-part.ts";

const USERS_GROUP = 1;

const loginToken = z
  .object(
    { TOKEN: requiredText, EXPIRATION_TIME: integer, EGID: integer.default(-1) },
    { error: "must be an object of TOKEN, EXPIRATION_TIME and EGID" },
  )
  .transform((read): LoginToken => ({ token: read.TOKEN, expires: read.EXPIRATION_TIME, gid: read.EGID }));

/** Repeated without an element around them. */
const loginTokens = z.unknown().transform((value, context): readonly LoginToken[] => {
  if (isEmptyElement(value)) return [];
  return elementsOf(value).flatMap((element) => {
    const result = loginToken.safeParse(element);
    if (result.success) return [result.data];
    const [issue] = result.error.issues;
    reporter(context)(issue?.path ?? [], issue?.message ?? "must be a login token");
    return [];
  });
});

const shape = {
  ID: id,
  GID: id.default(USERS_GROUP),
  GROUPS: ids,
  GNAME: text.default(""),
  NAME: requiredText,
  PASSWORD: text.default(""),
  AUTH_DRIVER: text.default("core"),
  ENABLED: flag.default(true),
  LOGIN_TOKEN: loginTokens.optional(),
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
    ...printTokens(user.loginTokens ?? []),
    TEMPLATE: user.template,
  };
  return { USER: layOut(ORDER, fields, user.extra, DEFAULTS) };
}

function printTokens(tokens: readonly LoginToken[]): JsonObject {
  const printed = tokens.map(({ token, expires, gid }) => ({
    TOKEN: token,
    EXPIRATION_TIME: String(expires),
    EGID: String(gid),
  }));
  const [first] = printed;
  if (first === undefined) return {};
  return { LOGIN_TOKEN: printed.length === 1 ? first : printed };
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
    ...(read.LOGIN_TOKEN?.length && { loginTokens: read.LOGIN_TOKEN }),
    template: read.TEMPLATE,
    ...extraOf(read, shape, DEFAULTS),
  };
}
