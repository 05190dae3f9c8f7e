/**
 * Which files of this machine a template may name: those below the operator's image directories, as they really lie. A
 * template is written by a user, and QEMU opens what it is told.
 */

import { constants } from "node:fs";
import { open, realpath } from "node:fs/promises";
import { isAbsolute, join, sep } from "node:path";
import { GatehouseError } from "../../../../shared/errors.ts";

const QCOW2_MAGIC = 0x514649fb;
const QCOW2_HEADER_BYTES = 104;
const QCOW2_SIZE_AT = 24;
/** Bit 2 of the incompatible features: the data lie in another file (QEMU's docs/interop/qcow2). */
const EXTERNAL_DATA_FILE = 4n;

/** Directories of the operator's that files of a kind lie in, as sentences call them. */
export interface FileHome {
  readonly place: string;
  readonly anyPlace: string;
  readonly setting: string;
}

const IMAGES: FileHome = {
  place: "an image directory",
  anyPlace: "the image directories",
  setting: "cloud.qemu.image_dirs",
};

/** The real path of an image, kernel or initrd. @throws GatehouseError as findFile does. */
export function findImage(what: string, name: string, imageDirs: readonly string[]): Promise<string> {
  return findFile(what, name, imageDirs, IMAGES);
}

/**
 * The real path of a file. A relative name is looked for in each directory, in their order.
 * @throws GatehouseError `forbidden` for what does not lie in one of them, `not_found` for what is not there.
 */
export async function findFile(
  what: string,
  name: string,
  within: readonly string[],
  home: FileHome,
): Promise<string> {
  if (name.includes("\0")) throw outside(what, name, home);
  const dirs = await Promise.all(within.map((dir) => realpath(dir).catch(() => undefined)));
  const known = dirs.filter((dir) => dir !== undefined);
  const candidates = isAbsolute(name) ? [name] : known.map((dir) => join(dir, name));
  for (const candidate of candidates) {
    const path = await realpath(candidate).catch(() => undefined);
    if (path === undefined) continue;
    if (!known.some((dir) => path.startsWith(dir.endsWith(sep) ? dir : dir + sep)))
      throw outside(what, name, home);
    await requireFile(what, name, path);
    return path;
  }
  // Whether something outside exists is nobody's business.
  if (isAbsolute(name) && !known.some((dir) => name.startsWith(dir + sep))) throw outside(what, name, home);
  throw new GatehouseError("not_found", `${what} "${shown(name)}" is in none of ${home.anyPlace}.`);
}

/**
 * Refuses a qcow2 image that would have QEMU open other files, which nobody has checked.
 * @throws GatehouseError `forbidden`, or `bad_request` when it is no qcow2 image.
 */
export async function requireStandalone(what: string, path: string): Promise<void> {
  const header = Buffer.alloc(QCOW2_HEADER_BYTES);
  const file = await open(path, "r");
  try {
    const { bytesRead } = await file.read(header, 0, header.length, 0);
    if (bytesRead < 72 || header.readUInt32BE(0) !== QCOW2_MAGIC)
      throw new GatehouseError("bad_request", `${what} is not a qcow2 image, as its FORMAT says.`);
  } finally {
    await file.close();
  }
  const hasBackingFile = header.readBigUInt64BE(8) !== 0n;
  const hasDataFile = header.readUInt32BE(4) >= 3 && (header.readBigUInt64BE(72) & EXTERNAL_DATA_FILE) !== 0n;
  if (hasBackingFile || hasDataFile)
    throw new GatehouseError(
      "forbidden",
      `${what} is made of several files; only images that are one file are run (qemu-img convert makes one).`,
    );
}

/** How long the disk is that an image holds. `path` is an image of that format, as requireStandalone has found. */
export async function virtualBytes(path: string, format: "raw" | "qcow2"): Promise<number> {
  const file = await open(path, "r");
  try {
    if (format === "raw") return (await file.stat()).size;
    const size = Buffer.alloc(8);
    await file.read(size, 0, size.length, QCOW2_SIZE_AT);
    return Number(size.readBigUInt64BE());
  } finally {
    await file.close();
  }
}

async function requireFile(what: string, name: string, path: string): Promise<void> {
  // Not waiting for the other end of a pipe.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch(() => undefined);
  try {
    if ((await file?.stat())?.isFile() === true) return;
  } finally {
    await file?.close();
  }
  throw new GatehouseError("not_found", `${what} "${shown(name)}" is not a file that the house can read.`);
}

function outside(what: string, name: string, { place, setting }: FileHome): GatehouseError {
  return new GatehouseError("forbidden", `${what} "${shown(name)}" does not lie in ${place} (${setting}).`);
}

function shown(name: string): string {
  return name.replace(/[^\x20-\x7e]/g, "?").slice(0, 200);
}
