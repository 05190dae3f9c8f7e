/** The states of OpenNebula's containers (spec monitoring.md 7). */

import { listContainers } from "../../../lib/lxc.ts";
import { type GuestState, vmState } from "../../../lib/text.ts";
import { vmIdOf } from "../../../lib/vm-name.ts";
import type { ProbeHost, ProbeModule } from "../../../probe.ts";

export const probe: ProbeModule = {
  group: "vm/status",
  name: "state",
  create: () => ({ read: readStates }),
};

async function readStates(host: ProbeHost): Promise<string> {
  const containers = await listContainers(host);
  return containers
    .map(({ name, state }) => {
      const id = vmIdOf(name);
      const told = stateOf(state);
      return id === undefined || told === undefined ? "" : vmState(id, name, told);
    })
    .join("");
}

/** Undefined for a container that is stopped: it is told by its absence, as upstream's probe does. */
function stateOf(state: string | undefined): GuestState | undefined {
  if (state === undefined) return "UNKNOWN";
  if (state === "STOPPED") return undefined;
  return state === "ABORTING" ? "FAILURE" : "RUNNING";
}
