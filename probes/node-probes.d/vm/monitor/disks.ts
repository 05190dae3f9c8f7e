/** DISK_SIZE and SNAPSHOT_SIZE of the VMs in this host's datastores, in MB; the walk is made every two minutes. */

import { diskFigures, readVmDisks } from "../../../lib/datastore-disks.ts";
import { OneAtATime } from "../../../lib/patience.ts";
import { vmFigures } from "../../../lib/text.ts";
import type { Probe, ProbeModule } from "../../../probe.ts";

/** Disks grow slowly, and on shared storage every host walks over all VMs. */
const WALK_PERIOD_MS = 120_000;

export const probe: ProbeModule = { group: "vm/monitor", name: "disks", create: createDisksProbe };

function createDisksProbe(): Probe {
  const work = new OneAtATime();
  let last: { readonly text: string; readonly atMs: number } | undefined;
  return {
    async read({ settings: { datastoreLocation }, clock, signal }) {
      const atMs = clock.elapsed();
      if (last !== undefined && atMs - last.atMs < WALK_PERIOD_MS) return last.text;
      const found = await work.run(
        `Reading ${datastoreLocation}`,
        () => readVmDisks(datastoreLocation),
        signal,
      );
      const text = [...found]
        .sort(([one], [other]) => one - other)
        .map(([vmId, disks]) => vmFigures(vmId, undefined, diskFigures(disks)))
        .join("");
      last = { text, atMs };
      return text;
    },
  };
}
