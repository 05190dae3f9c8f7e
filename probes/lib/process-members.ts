/** Which processes of the host belong to which guest. */

import { type GuestOwner, isOwnedBy } from "../../shared/guests/process-owner.ts";
import { listPids, marksOf } from "../../shared/guests/process-proc.ts";
import type { LiveGuest } from "./process-guests.ts";
import { type ProcessRow, readProcess } from "./process-usage.ts";

export interface OwnedGuest extends LiveGuest {
  readonly owner: GuestOwner;
}

/** Looks at all processes, at the marks of each (uids, environment) only once in its life. */
export class Members {
  /** The VM of a process outside its guest's session, or that it is none's, by pid and start. */
  #marked = new Map<string, number | undefined>();

  /** The processes of each VM, zombies included: what those used is in nobody else's count yet. */
  find(procRoot: string, guests: readonly OwnedGuest[]): ReadonlyMap<number, readonly ProcessRow[]> {
    const found = new Map<number, ProcessRow[]>(guests.map(({ vmId }) => [vmId, []]));
    const bySession = new Map(guests.map(({ leader, vmId }) => [leader.pid, vmId]));
    const marked = new Map<string, number | undefined>();
    for (const pid of listPids(procRoot)) {
      const row = readProcess(procRoot, pid);
      if (row === undefined) continue;
      const vmId = bySession.get(row.sessionId) ?? this.#byMarks(procRoot, row, guests, marked);
      if (vmId !== undefined) found.get(vmId)?.push(row);
    }
    this.#marked = marked;
    return found;
  }

  #byMarks(
    procRoot: string,
    row: ProcessRow,
    guests: readonly OwnedGuest[],
    marked: Map<string, number | undefined>,
  ): number | undefined {
    const key = `${row.pid}:${row.startTicks}`;
    const vmId = this.#marked.has(key) ? this.#marked.get(key) : vmByMarks(procRoot, row.pid, guests);
    marked.set(key, vmId);
    return vmId;
  }
}

function vmByMarks(procRoot: string, pid: number, guests: readonly OwnedGuest[]): number | undefined {
  const marks = marksOf(pid, procRoot);
  return guests.find(({ owner }) => isOwnedBy(marks, owner))?.vmId;
}
