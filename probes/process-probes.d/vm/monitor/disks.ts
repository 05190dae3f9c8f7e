/** DISK_SIZE of the VMs of the process driver, in MB: what a guest's own files take, told as its disk 0. */

import { guestPaths } from "../../../../shared/guests/process-layout.ts";
import { diskSizes } from "../../../lib/disk-size.ts";
import { findGuests, needRunDir } from "../../../lib/process-guests.ts";
import { vmFigures } from "../../../lib/text.ts";
import { treeBytes } from "../../../lib/tree-size.ts";
import type { Probe, ProbeModule } from "../../../probe.ts";

/** A guest decides how many files it makes, so they are walked seldom, and not at all beyond a number. */
const WALK_PERIOD_MS = 300_000;
const MAX_ENTRIES = 5000;

export const probe: ProbeModule = { group: "vm/monitor", name: "disks", create: createDisksProbe };

interface Walked {
  readonly atMs: number;
  /** Empty for a guest whose files are too many. */
  readonly figures: string;
}

function createDisksProbe(): Probe {
  let walked = new Map<number, Walked>();
  return {
    async read(host) {
      const runDir = needRunDir(host.settings.processRunDir);
      const { live } = findGuests(host);
      const atMs = host.clock.elapsed();
      walked = new Map(
        live.map(({ vmId }) => {
          const last = walked.get(vmId);
          const fresh = last !== undefined && atMs - last.atMs < WALK_PERIOD_MS;
          return [vmId, fresh ? last : { atMs, figures: walk(runDir, vmId) }];
        }),
      );
      return live
        .map(({ vmId, deployId }) => {
          const text = walked.get(vmId)?.figures;
          return text ? vmFigures(vmId, deployId, text) : "";
        })
        .join("");
    },
  };
}

function walk(runDir: string, vmId: number): string {
  const { homeDir, tmpDir } = guestPaths(runDir, vmId);
  const home = treeBytes(homeDir, MAX_ENTRIES);
  const tmp = treeBytes(tmpDir, MAX_ENTRIES);
  return home === undefined || tmp === undefined ? "" : diskSizes(new Map([[0, home + tmp]]));
}
