/** What a DISK of a template asks for, and in which order its guest sees disks. */

import type { Vector } from "../../../../shared/template/types.ts";
import { type DiskLimits, limitsOf } from "./qemu-disk-limits.ts";
import { oneOf, refused, shown, whole, yesOrNo } from "./qemu-values.ts";

export const IMAGE_FORMATS = ["raw", "qcow2"] as const;
export type ImageFormat = (typeof IMAGE_FORMATS)[number];

/** The bus a disk sits on, by the first letters of its TARGET. */
export type DiskBus = "virtio" | "scsi" | "ide";

const CACHES = ["default", "none", "writethrough", "writeback", "directsync", "unsafe"] as const;
export type DiskCache = (typeof CACHES)[number];

export interface DiskPlan {
  readonly id: number;
  /** The image it begins as, as the template names it; undefined: blank. */
  readonly image: string | undefined;
  /** Of the image, or of the blank disk. */
  readonly format: ImageFormat;
  /** The size it shall have; undefined: the image's. */
  readonly sizeMiB: number | undefined;
  readonly readOnly: boolean;
  /** The image itself is written, not a copy. */
  readonly persistent: boolean;
  readonly bus: DiskBus;
  /** Its letters on the bus, as a number (a is 0); undefined: any that are free. */
  readonly place: number | undefined;
  readonly isCdrom: boolean;
  /** Its place in the boot order, from 1; undefined: not booted from. */
  readonly bootIndex: number | undefined;
  readonly cache: DiskCache;
  /** `native`: Linux' own asynchronous I/O. */
  readonly io: "threads" | "native";
  /** What the guest gives back is a hole of the file. */
  readonly discards: boolean;
  /** As the guest finds it below /dev/disk/by-id; undefined: none. */
  readonly serial: string | undefined;
  /** Of a virtio disk; undefined: one a processor. */
  readonly queues: number | undefined;
  readonly limits: DiskLimits | undefined;
}

/** With its place on the bus. */
export interface SeatedDisk extends DiskPlan {
  readonly place: number;
}

const MAX_DISK_MIB = 64 * 1024 * 1024;
/** IDE and virtio keep no more. */
const SERIAL = /^[A-Za-z0-9][A-Za-z0-9._+-]{0,19}$/;
const MAX_QUEUES = 64;
const TARGET = /^(vd|sd|hd)([a-z]{0,2})$/;
const BUSES: Readonly<Record<string, DiskBus>> = { vd: "virtio", sd: "scsi", hd: "ide" };

export interface DiskSurroundings {
  readonly vmId: number;
  /** The FEATURES of the template. */
  readonly features: Vector;
  /** Which disk is booted from, and when; from 1. */
  readonly bootIndex: (diskId: number) => number | undefined;
}

/** @throws GatehouseError `bad_request` with the attribute and what it may be. */
export function diskOf(disk: Vector, index: number, around: DiskSurroundings): DiskPlan {
  const id = whole("DISK/DISK_ID", disk.DISK_ID || String(index), 0, 255);
  const image = imageOf(disk, id);
  const sizeMiB = disk.SIZE ? whole("DISK/SIZE", disk.SIZE, 1, MAX_DISK_MIB) : undefined;
  if (image === undefined && sizeMiB === undefined)
    throw refused(`DISK ${id} has neither SOURCE or IMAGE, nor the SIZE of a blank disk in MiB`);
  const isCdrom = image !== undefined && isCd(disk);
  const readOnly = isCdrom || (yesOrNo("DISK/READONLY", disk.READONLY) ?? false);
  const target = targetOf(disk.TARGET || disk.DEV_PREFIX || "vd");
  if (readOnly && !isCdrom && target.bus === "ide")
    throw refused("A hd disk is written: READONLY is for vd and sd, or for a DISK of TYPE CDROM");
  const cache = oneOf(disk, { path: "DISK/CACHE", known: CACHES }) ?? "default";
  return {
    id,
    image,
    format: formatOf(disk, image),
    sizeMiB,
    readOnly,
    persistent: image !== undefined && (yesOrNo("DISK/PERSISTENT", disk.PERSISTENT) ?? false),
    ...target,
    isCdrom,
    bootIndex: around.bootIndex(id),
    cache,
    io: ioOf(disk, cache),
    discards:
      (oneOf(disk, { path: "DISK/DISCARD", known: ["unmap", "discard", "ignore"] }) ?? "unmap") !== "ignore",
    serial: serialOf(disk, around.vmId, id),
    queues: queuesOf("VIRTIO_BLK_QUEUES", disk.VIRTIO_BLK_QUEUES || around.features.VIRTIO_BLK_QUEUES),
    limits: limitsOf(disk),
  };
}

/** `auto` is what QEMU does unasked: one a processor. @throws GatehouseError `bad_request`. */
export function queuesOf(name: string, said: string | undefined): number | undefined {
  if (!said || said.toLowerCase() === "auto") return undefined;
  return whole(name, said, 1, MAX_QUEUES);
}

/** The bus and the letters of a TARGET, or of a DEV_PREFIX. @throws GatehouseError `bad_request`. */
export function targetOf(target: string): Pick<DiskPlan, "bus" | "place"> {
  const [, prefix = "", letters = ""] = TARGET.exec(target) ?? [];
  const bus = BUSES[prefix];
  if (bus === undefined)
    throw refused(
      `TARGET and DEV_PREFIX begin with vd, sd or hd, and end with letters, not ${shown(target)}`,
    );
  return { bus, place: letters === "" ? undefined : placeOf(letters) };
}

/** Where on a bus something stands: a is 0. */
export interface Seat {
  readonly bus: DiskBus;
  readonly place: number;
}

/**
 * As the guest shall find them: those of a bus by their letters, and those without letters where some are free, in the order of
 * the template. @throws GatehouseError `bad_request` for two of the same letters.
 */
export function inGuestOrder(disks: readonly DiskPlan[]): readonly SeatedDisk[] {
  const lettered = disks.flatMap(({ bus, place }) => (place === undefined ? [] : [{ bus, place }]));
  const taken = new Set(lettered.map(seatName));
  if (taken.size < lettered.length) throw refused("Two disks have the same TARGET");
  const seated = disks.map((disk): SeatedDisk => {
    const place = disk.place ?? freePlace(disk.bus, taken);
    taken.add(seatName({ bus: disk.bus, place }));
    return { ...disk, place };
  });
  return seated.sort((left, right) => left.place - right.place);
}

/** The disc of the context: where its TARGET says, if no disk is there. */
export function contextSeat(target: string, disks: readonly Seat[]): Seat {
  const { bus, place = 0 } = targetOf(target);
  const taken = new Set(disks.map(seatName));
  return { bus, place: taken.has(seatName({ bus, place })) ? freePlace(bus, taken) : place };
}

function seatName({ bus, place }: Seat): string {
  return `${bus} ${place}`;
}

function freePlace(bus: DiskBus, taken: ReadonlySet<string>): number {
  let place = 0;
  while (taken.has(seatName({ bus, place }))) place += 1;
  return place;
}

/** a is 0, z is 25, aa is 26. */
function placeOf(letters: string): number {
  return [...letters].reduce((place, letter) => (place + 1) * 26 + (letter.charCodeAt(0) - 97), -1);
}

function imageOf(disk: Vector, id: number): string | undefined {
  const image = disk.SOURCE || disk.IMAGE || undefined;
  if (image === undefined && disk.IMAGE_ID)
    throw refused(
      `DISK ${id} has an IMAGE_ID, and there is no catalogue of images here: IMAGE (or SOURCE) names a file`,
    );
  const type = (disk.DISK_TYPE ?? "").toUpperCase();
  if (!["", "FILE", "CDROM"].includes(type))
    throw refused(`DISK/DISK_TYPE is FILE or CDROM here, not ${shown(type)}`);
  if (image === undefined && (disk.TYPE ?? "").toLowerCase() === "swap")
    throw refused(
      `DISK ${id} is to be of TYPE swap, which is not made here: leave TYPE out, and run mkswap in the guest`,
    );
  return image;
}

function isCd({ TYPE, DISK_TYPE }: Vector): boolean {
  return [TYPE, DISK_TYPE].some((type) => type?.toUpperCase() === "CDROM");
}

/** Never guessed from its content, which a guest may have written. */
function formatOf(disk: Vector, image: string | undefined): ImageFormat {
  const said = (disk.FORMAT || disk.DRIVER || "").toLowerCase();
  // OpenNebula's FORMAT of a blank disk may also be a file system, to be made inside by the datastore.
  const wanted = said || (image?.endsWith(".qcow2") ? "qcow2" : "raw");
  const format = IMAGE_FORMATS.find((name) => name === wanted);
  if (format !== undefined) return format;
  throw refused(`DISK/FORMAT (or DRIVER) is ${IMAGE_FORMATS.join(" or ")} here, not ${shown(said)}`);
}

function ioOf(disk: Vector, cache: DiskCache): "threads" | "native" {
  const io = oneOf(disk, { path: "DISK/IO", known: ["threads", "native"] }) ?? "threads";
  if (io === "native" && cache !== "none" && cache !== "directsync")
    throw refused("DISK/IO native needs CACHE none or directsync, as QEMU has it");
  return io;
}

function serialOf(disk: Vector, vmId: number, id: number): string | undefined {
  const said = disk.SERIAL || undefined;
  if (said === undefined || SERIAL.test(said)) return said?.toLowerCase() === "auto" ? `${vmId}-${id}` : said;
  throw refused(`DISK/SERIAL is auto or at most 20 letters, digits, dots and dashes, not ${shown(said)}`);
}
