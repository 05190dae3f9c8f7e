/** Which VMs of the process driver live on this host, from their folders and /proc. */

import { statSync } from "node:fs";
import { resolve } from "node:path";
import { deployIdOf, guestPaths, listGuestIds, readGuestNote } from "../../shared/guests/process-layout.ts";
import type { GuestOwner } from "../../shared/guests/process-owner.ts";
import { bootId, isDead, type ProcessIdentity, seekStat } from "../../shared/guests/process-proc.ts";
import type { ProbeHost } from "../probe.ts";

/** A guest whose init lives. */
export interface LiveGuest {
  readonly vmId: number;
  readonly deployId: string;
  readonly leader: ProcessIdentity;
  /** Stopped as a whole, as the driver suspends. */
  readonly paused: boolean;
}

export interface SeenGuests {
  readonly live: readonly LiveGuest[];
  /** VMs that have a guest, of which nothing can be read. */
  readonly unreadable: readonly number[];
}

/**
 * Guests that have ended are in neither list: the agent tells them as missing once they stay away, since a guest that
 * reboots is nobody for a moment.
 * @throws Error when the directory of all, or /proc, cannot be read: then nobody has ended.
 */
export function findGuests({ settings, procRoot }: ProbeHost): SeenGuests {
  const runDir = needRunDir(settings.processRunDir);
  const thisBoot = bootId(procRoot);
  const live: LiveGuest[] = [];
  const unreadable: number[] = [];
  for (const vmId of listGuestIds(runDir)) {
    try {
      const guest = findGuest(runDir, vmId, procRoot, thisBoot);
      if (guest !== undefined) live.push(guest);
    } catch {
      unreadable.push(vmId);
    }
  }
  const byId = (one: number, other: number): number => one - other;
  return {
    live: live.sort((one, other) => byId(one.vmId, other.vmId)),
    unreadable: unreadable.sort(byId),
  };
}

/** By what a guest's processes are known. The house's folder holds a `home` of the guest's own uid, if it has one. */
export function ownerOf(runDir: string, vmId: number): GuestOwner {
  const { dir, homeDir, contextDir } = guestPaths(resolve(runDir), vmId);
  const uid = statSync(homeDir).uid;
  return { contextDir, uid: uid === statSync(dir).uid ? undefined : uid };
}

export function needRunDir(runDir: string | undefined): string {
  if (runDir === undefined)
    throw new Error("The agent is not told where the process driver keeps its guests.");
  return runDir;
}

function findGuest(runDir: string, vmId: number, procRoot: string, thisBoot: string): LiveGuest | undefined {
  const note = readGuestNote(guestPaths(runDir, vmId).note);
  if (note === undefined || note.bootId !== thisBoot) return undefined;
  const stat = seekStat(note.pid, procRoot);
  // Another process may have the pid by now; an init leads its session (gateway/cloud/embedded/drivers/process.ts).
  if (stat === undefined || stat.startTicks !== note.startTicks || isDead(stat)) return undefined;
  if (stat.sessionId !== stat.pid) return undefined;
  const leader = { pid: note.pid, startTicks: note.startTicks };
  return { vmId, deployId: deployIdOf(leader), leader, paused: stat.state === "T" };
}
