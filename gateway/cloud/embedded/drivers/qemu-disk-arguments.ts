/** The words of QEMU's command line for a guest's disks: what each is made of, the device that it is, and its limits. */

import type { DiskCache, DiskPlan, ImageFormat, Seat, SeatedDisk } from "./qemu-disk-plan.ts";

/** A disk as QEMU opens it. */
export interface OpenedDisk {
  readonly plan: SeatedDisk;
  readonly path: string;
  readonly format: ImageFormat;
  /** The image below a copy-on-write overlay. */
  readonly base: { readonly path: string; readonly format: ImageFormat } | undefined;
}

type Words = Readonly<Record<string, unknown>>;

/** As QEMU's own `cache=` words are made up: past the page cache, and without a flush that a guest asks for. */
const CACHES: Readonly<Record<DiskCache, { readonly direct: boolean; readonly noFlush: boolean }>> = {
  default: { direct: false, noFlush: false },
  writeback: { direct: false, noFlush: false },
  writethrough: { direct: false, noFlush: false },
  none: { direct: true, noFlush: false },
  directsync: { direct: true, noFlush: false },
  unsafe: { direct: false, noFlush: true },
};

export function diskArguments(disk: OpenedDisk, isQ35: boolean): readonly string[] {
  const { plan } = disk;
  const name = `disk${plan.id}`;
  const limiter = plan.limits === undefined ? undefined : `limited${plan.id}`;
  return [
    ...["-blockdev", JSON.stringify(nodeOf(disk))],
    ...(limiter === undefined ? [] : limiterArguments(plan, limiter, name)),
    ...["-device", JSON.stringify(deviceOf(plan, limiter ?? name, isQ35))],
  ];
}

/** What stands above a disk and slows it down: the guest's own reads and writes, not those of the image's format. */
function limiterArguments({ id, limits, readOnly }: DiskPlan, name: string, file: string): readonly string[] {
  const group = `limits${id}`;
  const node = { "node-name": name, driver: "throttle", "read-only": readOnly };
  return [
    ...["-object", JSON.stringify({ "qom-type": "throttle-group", id: group, limits })],
    ...["-blockdev", JSON.stringify({ ...node, "throttle-group": group, file })],
  ];
}

/** The whole chain is spelled out, so that no image's own header makes QEMU open a file. */
function nodeOf({ plan, path, format, base }: OpenedDisk): Words {
  const how = hostWords(plan);
  const backing =
    base === undefined
      ? null
      : {
          driver: base.format,
          "read-only": true,
          file: { ...fileNode(base.path), ...how },
          ...(base.format === "qcow2" ? { backing: null } : {}),
        };
  const discard = plan.discards ? "unmap" : "ignore";
  return {
    "node-name": `disk${plan.id}`,
    driver: format,
    "read-only": plan.readOnly,
    discard,
    ...cacheWords(plan.cache),
    file: { ...fileNode(path), discard, ...how },
    ...(format === "qcow2" ? { backing } : {}),
  };
}

function deviceOf(plan: SeatedDisk, drive: string, isQ35: boolean): Words {
  const { id, bus, isCdrom, cache, serial, bootIndex, queues } = plan;
  const isWrittenThrough = cache === "writethrough" || cache === "directsync";
  return {
    ...deviceOn(plan, isCdrom ? "cd" : "disk", isQ35),
    id: `disk-${id}`,
    drive,
    ...(isWrittenThrough && !isCdrom ? { "write-cache": "off" } : {}),
    ...(serial === undefined ? {} : { serial }),
    ...(queues === undefined || bus !== "virtio" ? {} : { "num-queues": queues }),
    ...(bootIndex === undefined ? {} : { bootindex: bootIndex }),
  };
}

/** How files of this machine are read and written for a disk. */
function hostWords({ cache, io }: DiskPlan): Words {
  return { ...cacheWords(cache), ...(io === "native" ? { aio: "native" } : {}) };
}

function cacheWords(cache: DiskCache): Words {
  const { direct, noFlush } = CACHES[cache];
  return direct || noFlush ? { cache: { direct, "no-flush": noFlush } } : {};
}

/** A file that QEMU only reads, as a node of its own. */
export function readOnlyNode(name: string, path: string): Words {
  return { "node-name": name, driver: "raw", "read-only": true, file: fileNode(path) };
}

export function fileNode(path: string): { readonly driver: "file"; readonly filename: string } {
  return { driver: "file", filename: path };
}

export function contextArguments(path: string, seat: Seat, isQ35: boolean): readonly string[] {
  return [
    ...["-blockdev", JSON.stringify(readOnlyNode("context", path))],
    ...["-device", JSON.stringify({ ...deviceOn(seat, "cd", isQ35), id: "context-disc", drive: "context" })],
  ];
}

/** On IDE by its letter, as a BIOS and older guests count; on the other buses in the order of the letters. */
function deviceOn({ bus, place }: Seat, kind: "disk" | "cd", isQ35: boolean): Words {
  switch (bus) {
    case "virtio":
      return { driver: "virtio-blk-pci" };
    case "scsi":
      return { driver: kind === "cd" ? "scsi-cd" : "scsi-hd", bus: "scsi.0" };
    case "ide": {
      const cable = isQ35 ? { bus: `ide.${place}` } : { bus: `ide.${place >> 1}`, unit: place & 1 };
      return { driver: kind === "cd" ? "ide-cd" : "ide-hd", ...cable };
    }
  }
}
