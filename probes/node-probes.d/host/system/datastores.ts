/** How full the file system of all datastores is, and that of each; in MB. A host without datastores tells nothing. */

import { join } from "node:path";
import { Datastores } from "../../../lib/datastores.ts";
import { lines, vector } from "../../../lib/text.ts";
import type { Probe, ProbeModule } from "../../../probe.ts";

export const probe: ProbeModule = { group: "host/system", name: "datastores", create: createDatastoresProbe };

function createDatastoresProbe(): Probe {
  const datastores = new Datastores();
  return {
    async read({ settings: { datastoreLocation }, signal }) {
      const ids = await datastores.ids(datastoreLocation, signal);
      if (ids === undefined) return "";
      const all = await datastores.space(datastoreLocation, signal);
      const told = [
        lines({
          DS_LOCATION_USED_MB: all.usedMiB,
          DS_LOCATION_TOTAL_MB: all.totalMiB,
          DS_LOCATION_FREE_MB: all.freeMiB,
        }),
      ];
      for (const id of ids) {
        const { usedMiB, totalMiB, freeMiB } = await datastores.space(
          join(datastoreLocation, String(id)),
          signal,
        );
        told.push(vector("DS", { ID: id, USED_MB: usedMiB, TOTAL_MB: totalMiB, FREE_MB: freeMiB }));
      }
      return told.join("");
    },
  };
}
