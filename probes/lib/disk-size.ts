/** Sizes of a VM's disks as text, by OpenNebula's numbers: files `disk.0`, `disk.1`, ... in the VM's folder. */

import { vector } from "./text.ts";

const MIB = 2 ** 20;

/** The number in a disk's path; undefined for a file that is none of a VM's, as a CD-ROM of the host's. */
export function diskIdOf(path: string): number | undefined {
  const digits = /(?:^|\/)disk\.(0|[1-9]\d{0,3})(?:\.snap\/\d{1,9})?$/.exec(path)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** `DISK_SIZE = [ ID, SIZE ]`, SIZE in MB rounded up as `du -m` does; from bytes by disk number. */
export function diskSizes(bytes: ReadonlyMap<number, number>): string {
  return [...bytes]
    .map(([id, size]) => vector("DISK_SIZE", { ID: id, SIZE: Math.ceil(size / MIB) }))
    .join("");
}
