/** Makes the disks of a guest ready: overlays over images, blank ones, and images that are written themselves. */

import { chmod, chown, lstat, open, rename, rm } from "node:fs/promises";
import type { Clock } from "../../../../shared/clock.ts";
import { GatehouseError } from "../../../../shared/errors.ts";
import { qemuDiskPath } from "../../../../shared/guests/qemu-layout.ts";
import { requireWhole } from "./qcow2-end.ts";
import type { OpenedDisk } from "./qemu-disk-arguments.ts";
import type { DiskPlan, ImageFormat, SeatedDisk } from "./qemu-disk-plan.ts";
import { findImage, requireStandalone, virtualBytes } from "./qemu-images.ts";
import { findTool, runTool } from "./tool.ts";

export interface DiskPlace {
  /** The guest's directory. */
  readonly dir: string;
  readonly imageDirs: readonly string[];
  /** The guest's user; undefined: the house's. */
  readonly uid: number | undefined;
  readonly clock: Clock;
}

/** An overlay is a few hundred KiB to write, whatever the size of its image. */
const TOOL_TIMEOUT_MS = 60_000;
const MEBIBYTE = 1024 * 1024;

/**
 * What an earlier boot made is used again, so that a VM keeps what it wrote.
 * @throws GatehouseError `forbidden`, `not_found` or `bad_request` for images, `unavailable` when a disk cannot be made.
 */
export async function prepareDisk(plan: SeatedDisk, place: DiskPlace): Promise<OpenedDisk> {
  const path = qemuDiskPath(place.dir, plan.id);
  if (plan.image === undefined) {
    if (!(await exists(path))) await makeWhole(path, (fresh) => makeBlank(plan, fresh, place));
    return { plan, path, format: plan.format, base: undefined };
  }
  const what = `DISK ${plan.id}`;
  const image = await findImage(what, plan.image, place.imageDirs);
  if (plan.format === "qcow2") await requireStandalone(what, image);
  if (plan.persistent || plan.readOnly) {
    await requireItsSize(what, plan, image);
    return { plan, path: image, format: plan.format, base: undefined };
  }
  const base = { path: image, format: plan.format };
  if (!(await exists(path))) {
    if (plan.format === "qcow2") await requireWhole(what, image);
    await makeWhole(path, (fresh) => makeOverlay(plan, fresh, base, place));
  }
  return { plan, path, format: "qcow2", base };
}

/** OpenNebula writes the size of an image into its DISK, in whole MiB. @throws GatehouseError `bad_request` for a bigger one. */
async function requireItsSize(what: string, { sizeMiB, format }: DiskPlan, image: string): Promise<void> {
  if (sizeMiB === undefined) return;
  const hasMiB = Math.ceil((await virtualBytes(image, format)) / MEBIBYTE);
  if (sizeMiB <= hasMiB) return;
  throw new GatehouseError(
    "bad_request",
    `${what} is its image itself, PERSISTENT or READONLY, which has ${hasMiB} MiB: SIZE does not make it ${sizeMiB}.`,
  );
}

/** Under its name there is a disk, whole and durable, or none: what is there once is never made again. */
async function makeWhole(path: string, make: (fresh: string) => Promise<void>): Promise<void> {
  const fresh = `${path}.new`;
  await rm(fresh, { force: true });
  try {
    await make(fresh);
    const file = await open(fresh, "r");
    try {
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(fresh, path);
  } catch (error) {
    await rm(fresh, { force: true });
    throw error;
  }
}

async function makeBlank(plan: DiskPlan, path: string, place: DiskPlace): Promise<void> {
  if (plan.format === "qcow2") {
    return makeImage(["-f", "qcow2", path, `${plan.sizeMiB}M`], path, place);
  }
  const file = await open(path, "wx", 0o600);
  try {
    await file.truncate((plan.sizeMiB ?? 0) * MEBIBYTE);
    if (place.uid !== undefined) await file.chown(place.uid, place.uid);
  } finally {
    await file.close();
  }
}

async function makeOverlay(
  { sizeMiB }: DiskPlan,
  path: string,
  base: { readonly path: string; readonly format: ImageFormat },
  place: DiskPlace,
): Promise<void> {
  // Smaller than its image it would end where the guest's file systems go on.
  const isBigger = sizeMiB !== undefined && sizeMiB * MEBIBYTE > (await virtualBytes(base.path, base.format));
  const size = isBigger ? [`${sizeMiB}M`] : [];
  await makeImage(["-f", "qcow2", "-b", base.path, "-F", base.format, path, ...size], path, place);
}

/** As the guest's user: an image that leads qemu-img astray leads it nowhere. */
async function makeImage(given: readonly string[], path: string, { uid, clock }: DiskPlace): Promise<void> {
  const program = findTool(["qemu-img"]);
  if (program === undefined)
    throw new GatehouseError(
      "unavailable",
      "qemu-img is not installed, which makes qcow2 disks (Debian: qemu-utils).",
    );
  await runTool({ program, arguments: ["create", "-q", ...given], clock, timeoutMs: TOOL_TIMEOUT_MS, uid });
  await chmod(path, 0o600);
  if (uid !== undefined) await chown(path, uid, uid);
}

async function exists(path: string): Promise<boolean> {
  const found = await lstat(path).catch(() => undefined);
  if (found !== undefined && !found.isFile())
    throw new GatehouseError("unavailable", `${path} is not a file, so it is no disk of the guest.`);
  return found !== undefined;
}
