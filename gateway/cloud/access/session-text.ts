/** What the sessions of OpenNebula's servers say, however their token is sealed (spec core-xmlrpc.md 5). */

import { tokensEqual } from "../../../shared/tokens/classic.ts";

/** Whom a server asks for. */
export interface ServerTarget {
  readonly name: string;
  /** The only group of the session; undefined: all of the user's. */
  readonly gid: number | undefined;
}

/** What is sealed; `expires` in seconds since the epoch. */
export function sessionText(serverName: string, target: string, expires: number): string {
  return `${serverName}:${target}:${expires}`;
}

/**
 * Reads `<target>[:<egid>]:<token>`; `open` gives the text that is sealed in the token. Undefined, whatever is wrong:
 * the seal, the server's name, the time (seconds since the epoch), or a token that was made for another user than the
 * session names, which the original lets pass.
 */
export function readServerSession(
  secret: string,
  serverName: string,
  now: number,
  open: (token: string) => string | undefined,
): ServerTarget | undefined {
  const at = secret.lastIndexOf(":");
  const target = secret.slice(0, Math.max(at, 0));
  const plain = open(secret.slice(at + 1));
  const [, name, signedFor, expires] = /^([^:]+):(.+):(\d{1,15})$/.exec(plain ?? "") ?? [];
  if (name !== serverName || signedFor === undefined || !tokensEqual(signedFor, target)) return undefined;
  if (!(Number(expires) > now)) return undefined;
  const [, user, gid] = /^([^:]+)(?::(\d{1,10}))?$/.exec(target) ?? [];
  return user === undefined ? undefined : { name: user, gid: gid === undefined ? undefined : Number(gid) };
}
