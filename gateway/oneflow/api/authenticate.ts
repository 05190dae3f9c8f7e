/** Who asks: HTTP Basic with a user's name, and the password or a login token (spec oneflow-api.md 2). */

import { GatehouseError } from "../../../shared/errors.ts";
import type { Sessions } from "../../cloud/access/sessions.ts";
import type { Actor } from "../../cloud/actor.ts";

const BASIC = /^basic +([A-Za-z0-9+/_-]{1,8192}={0,2}) *$/i;

/** What the Authorization header is asked of. */
export interface Asking {
  header(name: string): string | undefined;
  readonly address: string;
}

/** @throws GatehouseError `unauthorized` in the recorded words; a wrong password is answered late. */
export async function authenticate(sessions: Sessions, asking: Asking): Promise<Actor> {
  const session = sessionOf(asking.header("authorization"));
  if (session === undefined)
    throw new GatehouseError("unauthorized", "A username and password must be provided");
  const escaped = escapedSession(session);
  const otherwise = escaped === session ? undefined : escaped;
  const actor = await sessions.authenticate(session, asking.address, otherwise);
  if (actor === undefined) throw new GatehouseError("unauthorized", "Invalid credentials");
  return actor;
}

/** `user:password`; undefined for any other scheme, and for what has no colon. An empty name is a wrong one. */
function sessionOf(header: string | undefined): string | undefined {
  const [, encoded] = BASIC.exec(header ?? "") ?? [];
  if (encoded === undefined) return undefined;
  const session = Buffer.from(encoded, "base64").toString("utf8");
  return session.includes(":") ? session : undefined;
}

/**
 * As older commands stored what has blanks or the like in it: escaped as in a URI. Ruby's set of characters that stay
 * has brackets and no number sign.
 */
function escapedSession(session: string): string {
  return encodeURI(session).replaceAll("#", "%23").replaceAll("%5B", "[").replaceAll("%5D", "]");
}
