/** The daemon's own key pair, made at its first start, and its boot id, which rises with each. */

import { randomBytes } from "node:crypto";
import { type Clock, epochSeconds } from "../../shared/clock.ts";
import { nextBootId } from "../../shared/monitor/boot.ts";
import { generateKeyPair, type KeyPair, keyPairOf, parseKey, printKey } from "../../shared/monitor/keys.ts";
import { defineKind, type Versioned } from "../store/kind.ts";
import type { Registry } from "../store/registry.ts";

interface Identity extends Versioned {
  readonly name: string;
  /** As printKey prints it. */
  readonly secretKey: string;
  readonly bootId: number;
}

export const IDENTITIES = defineKind({
  name: "monitor_identity",
  keyOf: (identity: Identity) => identity.name,
});

const NAME = "daemon";

export interface DaemonIdentity {
  readonly keys: KeyPair;
  /** Of this start, and of no other: it is durable. */
  readonly bootId: number;
}

/** @throws GatehouseError `unavailable` when it cannot be stored. */
export async function openIdentity(vault: Registry, clock: Clock): Promise<DaemonIdentity> {
  const { secretKey, bootId } = await vault.transact((tx) => {
    const before = tx.get(IDENTITIES, NAME);
    const next = nextBootId(before?.bootId, epochSeconds(clock));
    if (before !== undefined) return tx.put(IDENTITIES, { ...before, bootId: next });
    const made = generateKeyPair(randomBytes);
    return tx.insertWithId(IDENTITIES, { name: NAME, secretKey: printKey(made.secretKey), bootId: next });
  });
  return { keys: keyPairOf(parseKey(secretKey)), bootId };
}
