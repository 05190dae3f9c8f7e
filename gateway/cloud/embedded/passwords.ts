/** Passwords and the secrets made for users. */

import { createHash, randomBytes, timingSafeEqual } from "node:crypto";

/** OpenNebula's core driver keeps the hex SHA-256 of a password (spec core-xmlrpc.md 4.1), so worlds carry over. */
export function hashPassword(password: string): string {
  return createHash("sha256").update(password, "utf8").digest("hex");
}

/** OpenNebula before 5.8 kept SHA-1, which it replaces at the next login; 40 hex digits tell it. */
export function isOldHash(passwordHash: string): boolean {
  return /^[0-9a-f]{40}$/.test(passwordHash);
}

/** Constant-time comparison against the stored hash. */
export function passwordMatches(password: string, passwordHash: string): boolean {
  const old = isOldHash(passwordHash);
  const given = Buffer.from(
    old ? createHash("sha1").update(password, "utf8").digest("hex") : hashPassword(password),
  );
  const stored = Buffer.from(passwordHash);
  return given.length === stored.length && timingSafeEqual(given, stored);
}

/** A login token that nobody has to type. */
export function newLoginToken(): string {
  return randomBytes(32).toString("hex");
}

/** A user's TOKEN_PASSWORD: 64 hex digits, the SHA-256 of random bytes (spec onegate-api.md 2). */
export function newTokenPassword(): string {
  return createHash("sha256").update(randomBytes(32)).digest("hex");
}

/** A password for oneadmin that nobody has to type. */
export function newPassword(): string {
  return randomBytes(18).toString("base64url");
}
