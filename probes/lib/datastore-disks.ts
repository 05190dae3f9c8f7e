/**
 * What the disks of VMs take in the datastores of this host: `<location>/<datastore>/<vm>/disk.<n>`, and their
 * snapshots `disk.<n>.snap/<m>`.
 */

import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { diskSizes } from "./disk-size.ts";
import { vector } from "./text.ts";

export interface VmDisk {
  readonly id: number;
  /** On the disk, not as the guest sees it: holes take nothing. */
  readonly bytes: number;
  readonly snapshots: readonly { readonly id: number; readonly bytes: number }[];
}

const STAT_BLOCK_BYTES = 512;
const BYTES_A_MIB = 1024 * 1024;

/** The disks of each VM that has a folder in one of the datastores. */
export async function readVmDisks(location: string): Promise<ReadonlyMap<number, readonly VmDisk[]>> {
  const disks = new Map<number, readonly VmDisk[]>();
  for (const datastore of await numbered(location, /^(\d+)$/)) {
    for (const vmId of await numbered(join(location, String(datastore)), /^(\d+)$/)) {
      const found = await readFolder(join(location, String(datastore), String(vmId)));
      if (found.length > 0) disks.set(vmId, [...(disks.get(vmId) ?? []), ...found]);
    }
  }
  return disks;
}

/** `DISK_SIZE = [ ID, SIZE ]` and `SNAPSHOT_SIZE = [ ID, DISK_ID, SIZE ]`, in MB. */
export function diskFigures(disks: readonly VmDisk[]): string {
  const snapshots = disks.flatMap((disk) =>
    disk.snapshots.map(({ id, bytes }) =>
      vector("SNAPSHOT_SIZE", { ID: id, DISK_ID: disk.id, SIZE: Math.ceil(bytes / BYTES_A_MIB) }),
    ),
  );
  return diskSizes(new Map(disks.map(({ id, bytes }) => [id, bytes]))) + snapshots.join("");
}

async function readFolder(folder: string): Promise<readonly VmDisk[]> {
  const disks: VmDisk[] = [];
  for (const id of await numbered(folder, /^disk\.(\d+)$/)) {
    const bytes = await sizeOf(join(folder, `disk.${id}`));
    if (bytes === undefined) continue;
    const snapDir = join(folder, `disk.${id}.snap`);
    const snapshots: { id: number; bytes: number }[] = [];
    for (const snapshot of await numbered(snapDir, /^(\d+)$/)) {
      const size = await sizeOf(join(snapDir, String(snapshot)));
      if (size !== undefined) snapshots.push({ id: snapshot, bytes: size });
    }
    disks.push({ id, bytes, snapshots });
  }
  return disks;
}

/** The numbers in the names of a folder, rising; none when it is gone, no folder, or not ours to read. */
async function numbered(folder: string, pattern: RegExp): Promise<readonly number[]> {
  const names = await readdir(folder).catch(() => []);
  const numbers = names.flatMap((name) => pattern.exec(name)?.[1] ?? []).map(Number);
  return numbers.sort((one, other) => one - other);
}

/** What a file, or what its link leads to, takes; undefined for devices, whose blocks are elsewhere, and for what is gone. */
async function sizeOf(path: string): Promise<number | undefined> {
  const found = await stat(path).catch(() => undefined);
  return found?.isFile() ? found.blocks * STAT_BLOCK_BYTES : undefined;
}
