/** The host's processors: model, features, speed in MHz, and TOTALCPU, 100 for each that is switched on. */

import { readCpuModel, readCpuTimes, totalPercent } from "../../../lib/cpu.ts";
import { lines } from "../../../lib/text.ts";
import type { ProbeModule } from "../../../probe.ts";

export const probe: ProbeModule = {
  group: "host/system",
  name: "cpu",
  create: () => ({
    async read({ procRoot, sysRoot }) {
      const { name, flags, megahertz } = readCpuModel(procRoot, sysRoot);
      return lines({
        MODELNAME: name,
        CPU_FEATURES: flags.join(",") || undefined,
        TOTALCPU: totalPercent(readCpuTimes(procRoot)),
        CPUSPEED: megahertz,
      });
    },
  }),
};
