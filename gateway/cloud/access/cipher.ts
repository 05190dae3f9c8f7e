/** Sessions of servers with a password (driver server_cipher): the token is encrypted with its hash (spec core-xmlrpc.md 5). */

import { createCipheriv, createDecipheriv } from "node:crypto";
import { readServerSession, type ServerTarget, sessionText } from "./session-text.ts";

const KEY_LENGTH = 32;
const IV_LENGTH = 16;
/** Anything else, as a certificate's subject that another driver left behind, is no secret. */
const HASH = /^[0-9a-f]{32,128}$/;
/** Blocks of 16 bytes. */
const BASE64 = /^[A-Za-z0-9+/]{4,2048}={0,2}$/;

interface CipherServer {
  readonly name: string;
  readonly passwordHash: string;
}

/** Reads `<target>[:<egid>]:<base64>`. Undefined, whatever is wrong; `now` in seconds since the epoch. */
export function readCipherSession(
  secret: string,
  server: CipherServer,
  now: number,
): ServerTarget | undefined {
  return readServerSession(secret, server.name, now, (token) => decrypt(token, server.passwordHash));
}

/** What `readCipherSession` reads: `expires` in seconds since the epoch. */
export function writeCipherSession(target: string, server: CipherServer, expires: number): string {
  const key = Buffer.from(server.passwordHash.slice(0, KEY_LENGTH));
  const cipher = createCipheriv("aes-256-cbc", key, key.subarray(0, IV_LENGTH));
  const plain = sessionText(server.name, target, expires);
  return `${target}:${Buffer.concat([cipher.update(plain), cipher.final()]).toString("base64")}`;
}

/** The key is the beginning of the stored hash, as text; so is the initialisation vector. */
function decrypt(text: string, passwordHash: string): string | undefined {
  if (!BASE64.test(text) || !HASH.test(passwordHash)) return undefined;
  try {
    const key = Buffer.from(passwordHash.slice(0, KEY_LENGTH));
    const decipher = createDecipheriv("aes-256-cbc", key, key.subarray(0, IV_LENGTH));
    return Buffer.concat([decipher.update(text, "base64"), decipher.final()]).toString("utf8");
  } catch {
    return undefined;
  }
}
