/**
 * The variables of a guest's UEFI firmware: its boot entries and keys. A copy of its own, which stays as its disks do; one for
 * each kind of firmware that it was booted with, since they do not fit one another.
 */

import { constants } from "node:fs";
import { lstat, open, readFile, rename, rm, stat } from "node:fs/promises";
import { GatehouseError } from "../../../../shared/errors.ts";
import { qemuNvramPath } from "../../../../shared/guests/qemu-layout.ts";
import type { FirmwareVariables } from "./qemu-firmware.ts";

/** The largest that any build has is 528 KiB. */
const MAX_VARIABLES_BYTES = 16 * 1024 * 1024;

export interface NvramPlace {
  /** The guest's directory. */
  readonly dir: string;
  /** The guest's user; undefined: the house's. */
  readonly uid: number | undefined;
}

/** The path of the guest's own copy, made where there is none. @throws GatehouseError `unavailable`. */
export async function prepareNvram(from: FirmwareVariables, { dir, uid }: NvramPlace): Promise<string> {
  const path = qemuNvramPath(dir, from.name);
  const { size } = await stat(from.path);
  if (size > MAX_VARIABLES_BYTES)
    throw new GatehouseError("unavailable", `${from.path} is too long for variables of firmware.`);
  const found = await lstat(path).catch(() => undefined);
  // Of another length it would not fit the code's, and the guest would stand still.
  if (found?.isFile() && found.size === size) return path;
  const fresh = `${path}.new`;
  for (const old of [path, fresh]) await rm(old, { force: true });
  const file = await open(fresh, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
  try {
    await file.writeFile(await readFile(from.path));
    if (uid !== undefined) await file.chown(uid, uid);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(fresh, path);
  return path;
}
