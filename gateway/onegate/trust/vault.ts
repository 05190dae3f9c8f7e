/**
 * What OneGate itself keeps in the house's store, beside the cloud and unknown to it: keys, revocations, and passwords in
 * grace. It holds secrets; a world that is exported has none of them.
 */

import type { Clock } from "../../../shared/clock.ts";
import { Registry } from "../../store/registry.ts";
import type { Store } from "../../store/store.ts";
import { IDENTITY_KEYS, IdentityKeys } from "./identity-keys.ts";
import { PREVIOUS_PASSWORDS, PreviousPasswords } from "./previous-passwords.ts";
import { REVOCATIONS, Revocations } from "./revocations.ts";
import { SESSION_KEYS, SessionKeys } from "./session-keys.ts";

export interface Vault {
  readonly sessionKeys: SessionKeys;
  readonly identityKeys: IdentityKeys;
  readonly revocations: Revocations;
  readonly passwords: PreviousPasswords;
}

const KIND_PREFIX = "gate_";

/** The store stays whose it is: closing it closes the vault. @throws GatehouseError `unavailable` when a row is damaged. */
export async function openVault(store: Store, clock: Clock): Promise<Vault> {
  const kinds = [SESSION_KEYS, IDENTITY_KEYS, REVOCATIONS, PREVIOUS_PASSWORDS];
  const registry = await Registry.openPart(store, KIND_PREFIX, kinds);
  return {
    sessionKeys: new SessionKeys(registry, clock),
    identityKeys: new IdentityKeys(registry, clock),
    revocations: new Revocations(registry, clock),
    passwords: new PreviousPasswords(registry, clock),
  };
}
