/**
 * The VMs of the process driver that are here: RUNNING, SUSPENDED when their init is stopped, UNKNOWN when they cannot
 * be read. Those that have ended are not listed.
 */

import { findGuests } from "../../../lib/process-guests.ts";
import { vmState } from "../../../lib/text.ts";
import type { ProbeModule } from "../../../probe.ts";

export const probe: ProbeModule = {
  group: "vm/status",
  name: "state",
  create: () => ({
    async read(host) {
      const { live, unreadable } = findGuests(host);
      return [
        ...live.map(({ vmId, deployId, paused }) =>
          vmState(vmId, deployId, paused ? "SUSPENDED" : "RUNNING"),
        ),
        ...unreadable.map((vmId) => vmState(vmId, "", "UNKNOWN")),
      ].join("");
    },
  }),
};
