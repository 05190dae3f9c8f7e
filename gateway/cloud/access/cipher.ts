/** The sessions of OpenNebula's servers: as serveradmin, for one of its users, until a time (spec core-xmlrpc.md 5). */

import { createCipheriv, createDecipheriv } from "node:crypto";
import { tokensEqual } from "../../../shared/tokens/classic.ts";

const KEY_LENGTH = 32;
const IV_LENGTH = 16;
/** Blocks of 16 bytes. */
const BASE64 = /^[A-Za-z0-9+/]{4,2048}={0,2}$/;

/** Whom a server asks for. */
export interface CipherTarget {
  readonly name: string;
  /** The only group of the session; undefined: all of the user's. */
  readonly gid: number | undefined;
}

/**
 * Reads `<target>[:<egid>]:<base64>`. Undefined, whatever is wrong: the key, the server's name, the time (seconds since
 * the epoch), or a token that was made for another user than the session names, which the original lets pass.
 */
export function readCipherSession(
  secret: string,
  server: { readonly name: string; readonly passwordHash: string },
  now: number,
): CipherTarget | undefined {
  const at = secret.lastIndexOf(":");
  const target = secret.slice(0, Math.max(at, 0));
  const plain = decrypt(secret.slice(at + 1), server.passwordHash);
  const [, name, signedFor, expires] = /^([^:]+):(.+):(\d{1,15})$/.exec(plain ?? "") ?? [];
  if (name !== server.name || signedFor === undefined || !tokensEqual(signedFor, target)) return undefined;
  if (!(Number(expires) > now)) return undefined;
  const [, user, gid] = /^([^:]+)(?::(\d{1,10}))?$/.exec(target) ?? [];
  return user === undefined ? undefined : { name: user, gid: gid === undefined ? undefined : Number(gid) };
}

/** What `readCipherSession` reads: `expires` in seconds since the epoch. */
export function writeCipherSession(
  target: string,
  server: { readonly name: string; readonly passwordHash: string },
  expires: number,
): string {
  const key = Buffer.from(server.passwordHash.slice(0, KEY_LENGTH));
  const cipher = createCipheriv("aes-256-cbc", key, key.subarray(0, IV_LENGTH));
  const plain = `${server.name}:${target}:${expires}`;
  return `${target}:${Buffer.concat([cipher.update(plain), cipher.final()]).toString("base64")}`;
}

/** The key is the beginning of the stored hash, as text; so is the initialisation vector. */
function decrypt(text: string, passwordHash: string): string | undefined {
  if (!BASE64.test(text) || passwordHash.length < KEY_LENGTH) return undefined;
  try {
    const key = Buffer.from(passwordHash.slice(0, KEY_LENGTH));
    const decipher = createDecipheriv("aes-256-cbc", key, key.subarray(0, IV_LENGTH));
    return Buffer.concat([decipher.update(text, "base64"), decipher.final()]).toString("utf8");
  } catch {
    return undefined;
  }
}
