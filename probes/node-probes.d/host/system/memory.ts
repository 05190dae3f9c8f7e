/** TOTALMEMORY, the host's memory in KiB. */

import { readMemory } from "../../../lib/memory.ts";
import { line } from "../../../lib/text.ts";
import type { ProbeModule } from "../../../probe.ts";

export const probe: ProbeModule = {
  group: "host/system",
  name: "memory",
  create: () => ({ read: async ({ procRoot }) => line("TOTALMEMORY", readMemory(procRoot).totalKiB) }),
};
