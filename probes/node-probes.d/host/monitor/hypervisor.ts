/** HYPERVISOR, which upstream repeats among the host's figures. */

import { line } from "../../../lib/text.ts";
import type { ProbeModule } from "../../../probe.ts";

export const probe: ProbeModule = {
  group: "host/monitor",
  name: "hypervisor",
  create: () => ({ read: async ({ hypervisor }) => line("HYPERVISOR", hypervisor) }),
};
