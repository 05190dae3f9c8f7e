/** The keys that encrypt session tokens: a new one each day, made when a token is asked for; old ones until their tokens ended. */

import { randomBytes } from "node:crypto";
import type { Clock } from "../../../shared/clock.ts";
import { defineKind, type Versioned } from "../../store/kind.ts";
import type { Registry } from "../../store/registry.ts";
import type { Transaction } from "../../store/transaction.ts";
import type { ReadonlyCollection } from "../../store/view.ts";

export interface SessionKey extends Versioned {
  readonly kid: string;
  /** Rises with each key: the clock may be set back. */
  readonly serial: number;
  /** 32 bytes as base64url. */
  readonly secret: string;
  /** ms since the epoch. */
  readonly madeAt: number;
}

export const SESSION_KEYS = defineKind({ name: "gate_session_key", keyOf: (key: SessionKey) => key.kid });

/** The longest life of a session token in seconds: six hours, as AWS's metadata service has it. */
export const MAX_SESSION_LIFETIME_S = 21_600;

const KEY_AGE_MS = 86_400_000;

const KEY_BYTES = 32;

export class SessionKeys {
  readonly #registry: Registry;
  readonly #clock: Clock;
  readonly #keys: ReadonlyCollection<SessionKey, string>;

  constructor(registry: Registry, clock: Clock) {
    this.#registry = registry;
    this.#clock = clock;
    this.#keys = registry.collection(SESSION_KEYS);
  }

  find(kid: string): SessionKey | undefined {
    return this.#keys.get(kid);
  }

  /** Newest first. */
  list(): readonly SessionKey[] {
    return newestFirst(this.#keys.values());
  }

  /** The key to encrypt with, durable before it is used. @throws GatehouseError `unavailable` when the store cannot write. */
  async current(): Promise<SessionKey> {
    const [newest] = this.list();
    if (newest !== undefined && this.#isFresh(newest)) return newest;
    return await this.#registry.transact((tx) => this.#rotate(tx));
  }

  #rotate(tx: Transaction): SessionKey {
    const known = newestFirst(tx.values(SESSION_KEYS));
    const [newest] = known;
    if (newest !== undefined && this.#isFresh(newest)) return newest;
    const now = this.#clock.now();
    const ended = known.filter(({ madeAt }) => now >= madeAt + KEY_AGE_MS + MAX_SESSION_LIFETIME_S * 1_000);
    for (const { kid } of ended) tx.delete(SESSION_KEYS, kid);
    return tx.insertWithId(SESSION_KEYS, {
      kid: randomBytes(9).toString("base64url"),
      serial: (newest?.serial ?? 0) + 1,
      secret: randomBytes(KEY_BYTES).toString("base64url"),
      madeAt: now,
    });
  }

  /** One from far in the future was made by a clock that was wrong. */
  #isFresh({ madeAt }: SessionKey): boolean {
    return Math.abs(this.#clock.now() - madeAt) < KEY_AGE_MS;
  }
}

function newestFirst(keys: Iterable<SessionKey>): readonly SessionKey[] {
  return [...keys].sort((one, other) => other.serial - one.serial);
}
