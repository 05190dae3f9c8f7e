/** What the host is: architecture, hypervisor, host name, the agent's version. */

import { machine } from "node:os";
import { readText } from "../../../lib/read.ts";
import { lines } from "../../../lib/text.ts";
import type { ProbeModule } from "../../../probe.ts";

export const probe: ProbeModule = {
  group: "host/system",
  name: "name",
  create: () => ({
    read: async ({ hypervisor, hostName, procRoot, settings }) =>
      lines({
        // The file came with Linux 6.1.
        ARCH: readText(`${procRoot}/sys/kernel/arch`) ?? machine(),
        HYPERVISOR: hypervisor,
        HOSTNAME: readText(`${procRoot}/sys/kernel/hostname`) ?? hostName,
        VERSION: settings.version,
      }),
  }),
};
