/** Whose guest a process is, also when it left the session it began in. */

import type { ProcessMarks } from "./process-proc.ts";

/** The places and the uid that make a guest's processes known. */
export interface GuestOwner {
  readonly contextDir: string;
  /** The uid that no other guest of this machine has; undefined: guests run as the server's user. */
  readonly uid: number | undefined;
}

/**
 * With an own uid its processes are known by that alone: no other guest on the machine has it, and nothing that a guest
 * can write may speak against it. Otherwise they are known by the CONTEXT_DIR they were started with.
 */
export function isOwnedBy(marks: ProcessMarks, owner: GuestOwner): boolean {
  if (owner.uid === undefined) return marks.contextDir === owner.contextDir;
  return marks.uids.includes(owner.uid);
}
