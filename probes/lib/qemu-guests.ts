/** Which VMs of the qemu driver live on this host, from their folders and /proc. */

import { listGuestIds, readGuestNote } from "../../shared/guests/process-layout.ts";
import { bootId, isDead, type ProcessIdentity, seekStat } from "../../shared/guests/process-proc.ts";
import { qemuDeployIdOf, qemuGuestPaths } from "../../shared/guests/qemu-layout.ts";
import type { ProbeHost } from "../probe.ts";

/** A guest whose QEMU lives. */
export interface QemuGuest {
  readonly vmId: number;
  readonly deployId: string;
  readonly process: ProcessIdentity;
  /** Its folder. */
  readonly dir: string;
  /** Where the probes ask it. */
  readonly monitor: string;
}

export interface SeenQemuGuests {
  readonly live: readonly QemuGuest[];
  /** VMs that have a guest, of which nothing can be read. */
  readonly unreadable: readonly number[];
}

/**
 * Guests that have ended, and folders of guests that never began, are in neither list.
 * @throws Error when the folder of all, or /proc, cannot be read: then nobody has ended.
 */
export function findQemuGuests({ settings, procRoot }: ProbeHost): SeenQemuGuests {
  const runDir = settings.qemuRunDir;
  if (runDir === undefined) throw new Error("The agent is not told where the qemu driver keeps its guests.");
  const thisBoot = bootId(procRoot);
  const live: QemuGuest[] = [];
  const unreadable: number[] = [];
  for (const vmId of [...listGuestIds(runDir)].sort((one, other) => one - other)) {
    try {
      const guest = findGuest(runDir, vmId, procRoot, thisBoot);
      if (guest !== undefined) live.push(guest);
    } catch {
      unreadable.push(vmId);
    }
  }
  return { live, unreadable };
}

/** @throws Error when it cannot be told. */
export function isAlive({ pid, startTicks }: ProcessIdentity, procRoot: string): boolean {
  const stat = seekStat(pid, procRoot);
  return stat !== undefined && stat.startTicks === startTicks && !isDead(stat);
}

function findGuest(runDir: string, vmId: number, procRoot: string, thisBoot: string): QemuGuest | undefined {
  const { dir, note, probeMonitor } = qemuGuestPaths(runDir, vmId);
  const noted = readGuestNote(note);
  if (noted === undefined || noted.bootId !== thisBoot) return undefined;
  const process = { pid: noted.pid, startTicks: noted.startTicks };
  if (!isAlive(process, procRoot)) return undefined;
  return { vmId, deployId: qemuDeployIdOf(process), process, dir, monitor: probeMonitor };
}
