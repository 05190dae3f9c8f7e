/** The host's NUMA nodes: hugepages (SIZE in KiB, PAGES), cores with their threads, memory in KiB, nodes by distance. */

import { readCores, readNumaNodes } from "../../../lib/numa.ts";
import { vector } from "../../../lib/text.ts";
import type { ProbeModule } from "../../../probe.ts";

export const probe: ProbeModule = {
  group: "host/system",
  name: "numa",
  create: () => ({
    read: async ({ procRoot, sysRoot }) =>
      readNumaNodes(procRoot, sysRoot)
        .flatMap(({ id: NODE_ID, hugePages, totalKiB, nearest }) => [
          ...hugePages.map(({ sizeKiB, pages }) =>
            vector("HUGEPAGE", { NODE_ID, SIZE: sizeKiB, PAGES: pages }),
          ),
          ...readCores(procRoot, sysRoot, NODE_ID).map(({ id, cpus }) =>
            vector("CORE", { NODE_ID, ID: id, CPUS: cpus.join(",") }),
          ),
          vector("MEMORY_NODE", { NODE_ID, TOTAL: totalKiB, DISTANCE: nearest.join(" ") }),
        ])
        .join(""),
  }),
};
