/** The keys that sign identity tokens, kept in the vault and made as their schedule wants, when someone asks. */

import { generateKeyPairSync } from "node:crypto";
import { calculateJwkThumbprint } from "jose";
import type { Clock } from "../../../shared/clock.ts";
import { defineKind, type Versioned } from "../../store/kind.ts";
import type { Registry } from "../../store/registry.ts";
import type { Transaction } from "../../store/transaction.ts";
import type { ReadonlyCollection } from "../../store/view.ts";
import { endedKeys, newestFirst, nextKeyFrom, signerOf } from "./identity-schedule.ts";

export interface IdentityKey extends Versioned {
  /** The thumbprint of its public part (RFC 7638). */
  readonly kid: string;
  readonly serial: number;
  /** ms since the epoch. */
  readonly signsFrom: number;
  /** Ed25519, public and private, as in a JWK (RFC 8037). */
  readonly x: string;
  readonly d: string;
}

export const IDENTITY_KEYS = defineKind({ name: "gate_identity_key", keyOf: (key: IdentityKey) => key.kid });

type KeyPair = Pick<IdentityKey, "kid" | "x" | "d">;

export class IdentityKeys {
  readonly #registry: Registry;
  readonly #clock: Clock;
  readonly #keys: ReadonlyCollection<IdentityKey, string>;

  constructor(registry: Registry, clock: Clock) {
    this.#registry = registry;
    this.#clock = clock;
    this.#keys = registry.collection(IDENTITY_KEYS);
  }

  /** Newest first. */
  list(): readonly IdentityKey[] {
    return newestFirst(this.#keys.values());
  }

  /** The keys to be shown, newest first, the next one among them once it is due: durable before anybody sees it. */
  async shown(rotationMs: number): Promise<readonly IdentityKey[]> {
    const keys = this.list();
    if (nextKeyFrom(keys, this.#clock.now(), rotationMs) === undefined) return keys;
    const pair = await newKeyPair();
    await this.#registry.transact((tx) => this.#rotate(tx, rotationMs, pair));
    return this.list();
  }

  /** @throws GatehouseError `unavailable` when a key is due and the store cannot write. */
  async signer(rotationMs: number): Promise<IdentityKey> {
    const key = signerOf(await this.shown(rotationMs), this.#clock.now());
    if (key === undefined) throw new Error("no identity key was made");
    return key;
  }

  #rotate(tx: Transaction, rotationMs: number, pair: KeyPair): void {
    const keys = [...tx.values(IDENTITY_KEYS)];
    const now = this.#clock.now();
    const signsFrom = nextKeyFrom(keys, now, rotationMs);
    if (signsFrom === undefined) return;
    for (const { kid } of endedKeys(keys, now)) tx.delete(IDENTITY_KEYS, kid);
    const serial = Math.max(0, ...keys.map((key) => key.serial)) + 1;
    tx.insertWithId(IDENTITY_KEYS, { ...pair, serial, signsFrom });
  }
}

async function newKeyPair(): Promise<KeyPair> {
  const { x = "", d = "" } = generateKeyPairSync("ed25519").privateKey.export({ format: "jwk" });
  return { kid: await calculateJwkThumbprint({ kty: "OKP", crv: "Ed25519", x }), x, d };
}
