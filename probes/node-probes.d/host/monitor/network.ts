/** NETRX and NETTX: bytes over the host's own cards since boot (which count: probes/lib/network.ts). */

import { readTraffic } from "../../../lib/network.ts";
import { lines } from "../../../lib/text.ts";
import type { ProbeModule } from "../../../probe.ts";

export const probe: ProbeModule = {
  group: "host/monitor",
  name: "network",
  create: () => ({
    async read({ procRoot, sysRoot }) {
      const { receivedBytes, sentBytes } = readTraffic(procRoot, sysRoot);
      return lines({ NETRX: receivedBytes, NETTX: sentBytes });
    },
  }),
};
