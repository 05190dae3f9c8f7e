/** CGROUPS_VERSION: 2 where the unified hierarchy is all there is, 1 where version 1 holds controllers, else untold. */

import { existsSync } from "node:fs";
import { line } from "../../../lib/text.ts";
import type { ProbeModule } from "../../../probe.ts";

export const probe: ProbeModule = {
  group: "host/system",
  name: "cgroups",
  create: () => ({
    async read({ sysRoot }) {
      const root = `${sysRoot}/fs/cgroup`;
      if (existsSync(`${root}/cgroup.controllers`)) return line("CGROUPS_VERSION", 2);
      const first = ["cpu", "memory", "cpuset"].some((controller) => existsSync(`${root}/${controller}`));
      return first ? line("CGROUPS_VERSION", 1) : "";
    },
  }),
};
