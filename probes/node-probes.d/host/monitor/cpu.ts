/**
 * USEDCPU and FREECPU in percent of one processor, together TOTALCPU: the mean since the last round. The first round
 * tells the mean since boot, since a probe does not wait.
 */

import { type CpuTimes, readCpuTimes, totalPercent, usedPercent } from "../../../lib/cpu.ts";
import { lines } from "../../../lib/text.ts";
import type { Probe, ProbeModule } from "../../../probe.ts";

export const probe: ProbeModule = { group: "host/monitor", name: "cpu", create: createCpuProbe };

function createCpuProbe(): Probe {
  let before: CpuTimes | undefined;
  return {
    async read({ procRoot }) {
      const times = readCpuTimes(procRoot);
      const used = usedPercent(times, before);
      before = times;
      return lines({ USEDCPU: used, FREECPU: totalPercent(times) - used });
    },
  };
}
