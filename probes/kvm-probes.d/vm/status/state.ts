/** The states of OpenNebula's domains, by libvirt's state and reason (spec monitoring.md 7). */

import { type GuestState, vmState } from "../../../lib/text.ts";
import { count, type DomainFigures, readDomains } from "../../../lib/virsh-domains.ts";
import { vmIdOf } from "../../../lib/vm-name.ts";
import type { ProbeHost, ProbeModule } from "../../../probe.ts";

/** virDomainState, as `domstats --state` numbers it. 5, shut off, is not told: a domain restored or migrated passes through it. */
const PAUSED = 3;
const SHUT_OFF = 5;
const STATES: ReadonlyMap<number, GuestState> = new Map([
  [1, "RUNNING"], // running
  [2, "RUNNING"], // idle, or blocked on a resource
  [4, "RUNNING"], // in shutdown, dying
  [6, "FAILURE"], // crashed
  [7, "SUSPENDED"], // pmsuspended: by the guest's own power management
]);

/** virDomainPausedReason; whatever else stops a domain is a failure. */
const PAUSED_REASONS: ReadonlyMap<number, GuestState> = new Map([
  [1, "SUSPENDED"], // by the user
  [2, "RUNNING"], // migrating
  [3, "RUNNING"], // saving
  [11, "RUNNING"], // starting up
]);

export const probe: ProbeModule = {
  group: "vm/status",
  name: "state",
  create: () => ({ read: readStates }),
};

async function readStates(host: ProbeHost): Promise<string> {
  const domains = await readDomains(host, ["state"]);
  return domains
    .map(({ name, uuid, figures }) => {
      const id = vmIdOf(name);
      const state = figures === undefined ? "UNKNOWN" : stateOf(figures);
      return id === undefined || state === undefined ? "" : vmState(id, uuid, state);
    })
    .join("");
}

/** Undefined for a domain that is off: it is told by its absence, as upstream's probe does. */
export function stateOf(figures: DomainFigures): GuestState | undefined {
  const state = count(figures, "state.state");
  const reason = count(figures, "state.reason");
  if (state === undefined) return "UNKNOWN";
  if (state === SHUT_OFF) return undefined;
  if (state !== PAUSED) return STATES.get(state) ?? "UNKNOWN";
  return reason === undefined ? "UNKNOWN" : (PAUSED_REASONS.get(reason) ?? "FAILURE");
}
