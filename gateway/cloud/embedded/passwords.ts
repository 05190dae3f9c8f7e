/** Passwords and the secrets made for users. */

import { createHash, randomBytes, timingSafeEqual } from "node:crypto";

/** OpenNebula's core driver keeps the hex SHA-256 of a password (spec core-xmlrpc.md 4.1), so worlds carry over. */
export function hashPassword(password: string): string {
  return createHash("sha256").update(password, "utf8").digest("hex");
}

/** Constant-time comparison against the stored hash. */
export function passwordMatches(password: string, passwordHash: string): boolean {
  const given = Buffer.from(hashPassword(password));
  const stored = Buffer.from(passwordHash);
  return given.length === stored.length && timingSafeEqual(given, stored);
}

/** A user's TOKEN_PASSWORD: 64 hex digits, the SHA-256 of random bytes (spec onegate-api.md 2). */
export function newTokenPassword(): string {
  return createHash("sha256").update(randomBytes(32)).digest("hex");
}

/** A password for oneadmin that nobody has to type. */
export function newPassword(): string {
  return randomBytes(18).toString("base64url");
}
