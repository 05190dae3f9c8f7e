/**
 * Session tokens: encrypted JWTs (RFC 7519 in RFC 7516) that only this house reads and writes. A token seen before is known
 * by its hash, so that a request costs no decryption.
 */

import { hash, randomUUID } from "node:crypto";
import { compactDecrypt, EncryptJWT } from "jose";
import type { Clock } from "../../../shared/clock.ts";
import type { VmBirth } from "./revocations.ts";
import type { Grants } from "./scopes.ts";
import { Session, type SessionClaims, sessionClaims } from "./session.ts";
import type { SessionKey } from "./session-keys.ts";
import type { Vault } from "./vault.ts";

/** No token is taken for anything else, and nothing else for a session token. */
const TYPE = "gatehouse-session+jwt";

/** Headers that a request carries are bounded; ours leave room for the others. */
const MAX_TOKEN_LENGTH = 4_096;

/** Compact form with an empty encrypted key (`dir`), a nonce of 12 and a tag of 16 bytes. */
const SHAPE = /^([\w-]+)\.\.([\w-]{16})\.([\w-]+)\.([\w-]{22})$/;

/** Past it the oldest are decrypted again. With the longest scope each takes 7 KB, and one VM may ask for all of them. */
const MAX_REMEMBERED = 20_000;

/** A token from further in the future was made before the clock was set back, and would live too long. */
const CLOCK_SKEW_S = 60;

export interface SessionRequest {
  readonly vm: VmBirth;
  readonly print: string;
  readonly lifetimeS: number;
  /** Undefined: all that the VM may do. */
  readonly grants: Grants | undefined;
}

export class Sessions {
  readonly #vault: Vault;
  readonly #clock: Clock;
  readonly #remembered = new Map<string, Session>();

  constructor(vault: Vault, clock: Clock) {
    this.#vault = vault;
    this.#clock = clock;
  }

  /** A new token, and the end of its life in ms since the epoch. */
  async issue(asked: SessionRequest): Promise<{ readonly token: string; readonly expiresAt: number }> {
    const { vm, print, lifetimeS, grants } = asked;
    // The generation comes first: a revocation while the key is being made must hit this token, too.
    const gen = this.#vault.revocations.generationOf(vm);
    const key = await this.#vault.sessionKeys.current();
    // NumericDates with their fractions, so that a life of one second is a second long.
    const iat = this.#clock.now() / 1_000;
    const exp = iat + lifetimeS;
    const scope = grants === undefined ? {} : { scope: grants.text };
    const claims = { sub: String(vm.id), stime: vm.stime, iat, exp, jti: randomUUID(), gen, pwd: print };
    const token = await new EncryptJWT({ ...claims, ...scope })
      .setProtectedHeader({ alg: "dir", enc: "A256GCM", kid: key.kid, typ: TYPE })
      .encrypt(secretOf(key));
    const session = new Session(this.#clock, { ...claims, ...scope });
    this.#remember(token, session);
    return { token, expiresAt: session.deadline.atMs };
  }

  /** A token seen before, perhaps ended. Undefined says nothing yet: `known` decides. */
  recall(token: string): Session | undefined {
    return this.#remembered.get(digestOf(token));
  }

  /** What the token says, be it ended or not; undefined for whatever is no token of this house. */
  async known(token: string): Promise<Session | undefined> {
    const remembered = this.recall(token);
    if (remembered !== undefined) return remembered;
    const claims = await this.#decrypt(token);
    if (claims === undefined) return undefined;
    // Another request may have brought it meanwhile, and its deadline has begun to count.
    const session = this.recall(token) ?? new Session(this.#clock, claims);
    // Also when it has ended: then it is known to have, and no clock set back revives it.
    this.#remember(token, session);
    return session;
  }

  async #decrypt(token: string): Promise<SessionClaims | undefined> {
    if (!isWellFormed(token)) return undefined;
    try {
      const { plaintext, protectedHeader } = await compactDecrypt(
        token,
        ({ kid = "" }) => {
          const key = this.#vault.sessionKeys.find(kid);
          if (key === undefined) throw new Error("no such key");
          return secretOf(key);
        },
        {
          keyManagementAlgorithms: ["dir"],
          contentEncryptionAlgorithms: ["A256GCM"],
          maxDecompressedLength: 0,
        },
      );
      if (protectedHeader.typ !== TYPE) return undefined;
      const claims = sessionClaims.parse(JSON.parse(new TextDecoder().decode(plaintext)));
      const isFromFuture = claims.iat > this.#clock.now() / 1_000 + CLOCK_SKEW_S;
      return isFromFuture ? undefined : claims;
    } catch {
      // Whatever is wrong with it, the guest hears one sentence, and why is nothing that anybody should learn.
      return undefined;
    }
  }

  #remember(token: string, session: Session): void {
    if (this.#remembered.size >= MAX_REMEMBERED) {
      const [oldest] = this.#remembered.keys();
      if (oldest !== undefined) this.#remembered.delete(oldest);
    }
    this.#remembered.set(digestOf(token), session);
  }
}

/** Tells session tokens from classic ones, which are base64 and have no dots. */
export function looksLikeSession(token: string): boolean {
  return token.includes(".");
}

/** One token has one text: base64url leaves bits over, by which the same token could be written in several ways. */
function isWellFormed(token: string): boolean {
  const parts = token.length <= MAX_TOKEN_LENGTH ? SHAPE.exec(token) : null;
  if (parts === null) return false;
  return parts.slice(1).every((part) => Buffer.from(part, "base64url").toString("base64url") === part);
}

function secretOf({ secret }: SessionKey): Uint8Array {
  return Buffer.from(secret, "base64url");
}

function digestOf(token: string): string {
  return hash("sha256", token, "base64");
}
