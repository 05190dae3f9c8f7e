/** USEDMEMORY and FREEMEMORY in KiB, together TOTALMEMORY; free is what can be had, the page cache included. */

import { readMemory } from "../../../lib/memory.ts";
import { lines } from "../../../lib/text.ts";
import type { ProbeModule } from "../../../probe.ts";

export const probe: ProbeModule = {
  group: "host/monitor",
  name: "memory",
  create: () => ({
    async read({ procRoot }) {
      const { totalKiB, freeKiB } = readMemory(procRoot);
      return lines({ USEDMEMORY: totalKiB - freeKiB, FREEMEMORY: freeKiB });
    },
  }),
};
