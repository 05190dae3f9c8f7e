/**
 * How the process driver keeps its guests on a host, for the driver that writes it and the probes that read it.
 *
 *     <runDir>/           0711
 *       <vm id>/          0710 (0700 without own uids); belongs to the house
 *         guest.json      0600  which process the guest is; the house's alone
 *         init            0400
 *         start-script    0500
 *         context/        0750 (0700)   context.sh, token.txt: 0400
 *         log, log.old    0600  output of the guest, bounded
 *         home/, tmp/     0700  belong to the guest
 */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import type { ProcessIdentity } from "./process-proc.ts";

/** The file that says which process a guest is. */
const GUEST_NOTE = "guest.json";

export interface GuestPaths {
  readonly dir: string;
  readonly note: string;
  readonly init: string;
  readonly startScript: string;
  readonly contextDir: string;
  readonly homeDir: string;
  readonly tmpDir: string;
  readonly log: string;
  readonly oldLog: string;
}

export function guestPaths(runDir: string, vmId: number): GuestPaths {
  const dir = join(runDir, String(vmId));
  return {
    dir,
    note: join(dir, GUEST_NOTE),
    init: join(dir, "init"),
    startScript: join(dir, "start-script"),
    contextDir: join(dir, "context"),
    homeDir: join(dir, "home"),
    tmpDir: join(dir, "tmp"),
    log: join(dir, "log"),
    oldLog: join(dir, "log.old"),
  };
}

/** Which process a guest is, and in which run of the machine. */
const guestNote = z.object({ pid: z.int().min(2), startTicks: z.int().min(0), bootId: z.string() });

export type GuestNote = z.infer<typeof guestNote>;

/**
 * The note of the last boot; undefined when there is none, as when the guest has ended.
 * @throws Error when there is one that cannot be read, or is none of ours.
 */
export function readGuestNote(path: string): GuestNote | undefined {
  try {
    return guestNote.parse(JSON.parse(readFileSync(path, "utf8")));
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/**
 * The VMs that have a directory.
 * @throws Error when the directory of all cannot be read.
 */
export function listGuestIds(runDir: string): readonly number[] {
  return readdirSync(runDir)
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

/** The driver's DEPLOY_ID: the process that leads the guest. */
export function deployIdOf({ pid, startTicks }: ProcessIdentity): string {
  return `process:${pid}:${startTicks}`;
}

/** The process that a DEPLOY_ID means; undefined for any other text. */
export function parseDeployId(deployId: string): ProcessIdentity | undefined {
  const [, pid, startTicks] = /^process:(\d+):(\d+)$/.exec(deployId) ?? [];
  return Number(pid) > 1 ? { pid: Number(pid), startTicks: Number(startTicks) } : undefined;
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}
