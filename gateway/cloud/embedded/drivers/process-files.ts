/**
 * Makes and removes a guest's directory (shared/guests/process-layout.ts). Directories belong to the house, and the
 * guest's group may pass through them; the files in them belong to the guest. So the guest reads and owns its files,
 * yet cannot put a link where the house, perhaps root, will write. Only `home` and `tmp` are the guest's to fill.
 */

import { constants } from "node:fs";
import { chmod, chown, lstat, mkdir, open, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { GatehouseError } from "../../../../shared/errors.ts";
import {
  type GuestNote,
  type GuestPaths,
  listGuestIds,
  readGuestNote,
} from "../../../../shared/guests/process-layout.ts";
import type { ProcessIdentity } from "../../../../shared/guests/process-proc.ts";
import type { ContextFiles } from "../driver.ts";
import { INIT_SCRIPT } from "./process-init.ts";

/**
 * Makes the directory of all guests.
 * @throws GatehouseError `unavailable` when somebody else could have put it there, or guests with their own uid could
 *   not pass to it.
 */
export async function prepareRunDir(runDir: string, ownUids: boolean): Promise<void> {
  await mkdir(runDir, { recursive: true, mode: 0o711 });
  const found = await lstat(runDir);
  if (!found.isDirectory() || found.uid !== process.getuid?.()) {
    throw new GatehouseError(
      "unavailable",
      `The guests' directory ${runDir} does not belong to this server.`,
    );
  }
  await chmod(runDir, 0o711);
  for (let dir = runDir; ownUids && dir !== dirname(dir); dir = dirname(dir)) {
    if (((await stat(dir)).mode & constants.S_IXOTH) !== 0) continue;
    throw new GatehouseError(
      "unavailable",
      `Guests cannot reach their files in ${runDir}: ${dir} needs mode o+x, or choose another directory for guests.`,
    );
  }
}

/** Writes all that a boot needs; what an earlier boot left in `home` and `log` stays. */
export async function writeGuest(
  paths: GuestPaths,
  uid: number | undefined,
  context: ContextFiles,
  script: Buffer | undefined,
): Promise<void> {
  await makeDir(paths.dir, uid === undefined ? 0o700 : 0o710, { gid: uid });
  await makeDir(paths.contextDir, uid === undefined ? 0o700 : 0o750, { gid: uid });
  await makeDir(paths.homeDir, 0o700, { uid, gid: uid });
  await makeDir(paths.tmpDir, 0o700, { uid, gid: uid });
  await putFile(join(paths.contextDir, "context.sh"), context.contextSh, 0o400, uid);
  await putFile(join(paths.contextDir, "token.txt"), context.tokenTxt, 0o400, uid);
  await putFile(paths.init, INIT_SCRIPT, 0o400, uid);
  await putFile(paths.startScript, script, 0o500, uid);
}

async function makeDir(
  path: string,
  mode: number,
  owner: { uid?: number | undefined; gid: number | undefined },
): Promise<void> {
  await mkdir(path, { recursive: true });
  if (owner.gid !== undefined) await chown(path, owner.uid ?? process.getuid?.() ?? 0, owner.gid);
  await chmod(path, mode);
}

/** Puts a file in place of an earlier one, whole or not at all; without content it is removed. */
export async function putFile(
  path: string,
  content: string | Buffer | undefined,
  mode: number,
  uid: number | undefined,
): Promise<void> {
  if (content === undefined) return rm(path, { force: true });
  const fresh = `${path}.new`;
  await rm(fresh, { force: true });
  const file = await open(fresh, "wx", mode);
  try {
    await file.writeFile(content);
    await file.chmod(mode);
    if (uid !== undefined) await file.chown(uid, uid);
  } finally {
    await file.close();
  }
  await rename(fresh, path);
}

/** Opens the log for a guest to inherit; appending, so that cutting it short never leaves a hole. */
export async function openLog(
  paths: GuestPaths,
  uid: number | undefined,
): Promise<import("node:fs/promises").FileHandle> {
  const log = await open(paths.log, "a", 0o600);
  if (uid !== undefined) await log.chown(uid, uid);
  return log;
}

/** Keeps the last half of a log that has outgrown `maxLogBytes` as log.old, and begins anew. Whether it had. */
export async function trimLog(
  paths: Pick<GuestPaths, "log" | "oldLog">,
  maxLogBytes: number,
): Promise<boolean> {
  const log = await open(paths.log, "r+").catch(() => undefined);
  if (log === undefined) return false;
  try {
    const { size, uid } = await log.stat();
    if (size <= maxLogBytes) return false;
    const tail = Buffer.alloc(Math.ceil(maxLogBytes / 2));
    const { bytesRead } = await log.read(tail, 0, tail.length, size - tail.length);
    await putFile(
      paths.oldLog,
      tail.subarray(0, bytesRead),
      0o600,
      process.getuid?.() === uid ? undefined : uid,
    );
    await log.truncate(0);
    return true;
  } finally {
    await log.close();
  }
}

export async function writeNote(paths: GuestPaths, identity: ProcessIdentity, bootId: string): Promise<void> {
  await putFile(paths.note, JSON.stringify({ ...identity, bootId } satisfies GuestNote), 0o600, undefined);
}

/** The note of the last boot; undefined when there is none, or none that can be read as one. */
export function readNote(paths: GuestPaths): GuestNote | undefined {
  try {
    return readGuestNote(paths.note);
  } catch {
    return undefined;
  }
}

export async function removeNote(paths: GuestPaths): Promise<void> {
  await rm(paths.note, { force: true });
}

export async function removeGuest(paths: GuestPaths): Promise<void> {
  await rm(paths.dir, { recursive: true, force: true });
}

/** The VMs that have a directory; none while there is no directory of all. */
export function listGuests(runDir: string): readonly number[] {
  try {
    return listGuestIds(runDir);
  } catch {
    return [];
  }
}
