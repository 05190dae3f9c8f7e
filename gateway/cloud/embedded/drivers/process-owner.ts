/** Whose guest a process is, also when it left the session it began in. */

import { statSync } from "node:fs";
import { dirname, join, sep } from "node:path";
import { GUEST_NOTE } from "./process-files.ts";
import type { ProcessMarks } from "./process-proc.ts";

/** The places and the uid that make a guest's processes known. */
export interface GuestOwner {
  readonly runDir: string;
  readonly contextDir: string;
  /** The uid that no other guest of this house has; undefined: guests run as the server's user. */
  readonly uid: number | undefined;
}

/**
 * With an own uid its processes are known by that, otherwise by the CONTEXT_DIR they were started with. Another house on
 * this machine may use the same uids: its guests are left alone.
 */
export function isOwnedBy(marks: ProcessMarks, owner: GuestOwner): boolean {
  if (owner.uid === undefined) return marks.contextDir === owner.contextDir;
  return marks.uids.includes(owner.uid) && !isOfAnotherHouse(marks, owner.runDir);
}

/** A guest cannot pretend it: the note beside a context belongs to the server's user. */
function isOfAnotherHouse({ contextDir }: ProcessMarks, runDir: string): boolean {
  if (contextDir === undefined || contextDir.startsWith(runDir + sep)) return false;
  try {
    return statSync(join(dirname(contextDir), GUEST_NOTE)).uid === process.getuid?.();
  } catch {
    return false;
  }
}
