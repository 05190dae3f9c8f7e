/**
 * What the daemon itself keeps in the house's store, beside the cloud and unknown to it: its key, and the agents that may
 * speak. It holds a secret; a world that is exported has none of it.
 */

import { Registry } from "../store/registry.ts";
import type { Store } from "../store/store.ts";
import { AGENTS } from "./agents.ts";
import { CODES, STANDING } from "./enrol.ts";
import { IDENTITIES } from "./identity.ts";

const KIND_PREFIX = "monitor_";

/** The store stays whose it is. @throws GatehouseError `unavailable` when a row is damaged. */
export async function openMonitorVault(store: Store): Promise<Registry> {
  return await Registry.openPart(store, KIND_PREFIX, [IDENTITIES, AGENTS, CODES, STANDING]);
}
