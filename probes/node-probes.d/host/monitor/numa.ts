/** What is free in the host's NUMA nodes: hugepages (SIZE in KiB), and memory in KiB, page cache counted as used. */

import { readNumaNodes } from "../../../lib/numa.ts";
import { vector } from "../../../lib/text.ts";
import type { ProbeModule } from "../../../probe.ts";

export const probe: ProbeModule = {
  group: "host/monitor",
  name: "numa",
  create: () => ({
    read: async ({ procRoot, sysRoot }) =>
      readNumaNodes(procRoot, sysRoot)
        .flatMap(({ id: NODE_ID, hugePages, totalKiB, freeKiB }) => [
          ...hugePages.map(({ sizeKiB, free }) => vector("HUGEPAGE", { NODE_ID, SIZE: sizeKiB, FREE: free })),
          vector("MEMORY_NODE", { NODE_ID, FREE: freeKiB, USED: totalKiB - freeKiB }),
        ])
        .join(""),
  }),
};
