/**
 * A disk that a PC's firmware boots, BIOS or UEFI: a master boot record, a FAT partition with boot loaders, kernel and initial
 * file system, and perhaps a partition for a root file system. Made in a file, by any user: nothing is mounted.
 */

import { execFile } from "node:child_process";
import {
  copyFile,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  rm,
  stat,
  utimes,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { errorText, GatehouseError } from "../../shared/errors.ts";

const run = promisify(execFile);
const TOOL_TIMEOUT_MS = 600_000;

const SECTOR_BYTES = 512;
const MIB = 1024 * 1024;
const SECTORS_A_MIB = MIB / SECTOR_BYTES;
/** Where partitions begin on any disk of today. */
const BOOT_START_MIB = 1;
/** For the boot loader and the tables of the file system, beside the kernel and its initial file system. */
const BOOT_SPARE_MIB = 4;
/** FAT16 has at least 4,085 clusters. */
const LEAST_BOOT_MIB = 16;
/** FAT has no dates before 1980. */
const FILE_DATE_S = Date.UTC(2000, 0, 1) / 1000;
const VOLUME_NUMBER = "47480001";
/** In the master boot record: by it Linux knows a disk's partitions (PARTUUID=47480002-01). */
const DISK_NUMBER = 0x47480002;

const PARTITION_TYPE = { fat16: 0x0e, linux: 0x83 } as const;
const IS_ACTIVE = 0x80;
/** Cylinder, head and sector of what lies beyond their reach: sectors are counted instead. */
const NO_CHS = Buffer.from([0xfe, 0xff, 0xff]);

export interface BootDisk {
  /** Of the raw image to be made. */
  readonly path: string;
  readonly loader: BootLoader;
  /** A bzImage. */
  readonly kernel: string;
  readonly initrd: string;
  readonly commandLine: string;
  /** An image of a file system, as /dev/vda2; undefined: there is none. */
  readonly root?: string | undefined;
}

/** The programs and files of the packages mtools, syslinux, syslinux-common and systemd-boot-efi. */
export interface BootLoader {
  /** With mformat, mcopy and syslinux. */
  readonly programs: string;
  /** The code of a master boot record that starts the active partition. */
  readonly bootRecord: string;
  /** What UEFI starts. */
  readonly uefiLoader: string;
}

interface Partition {
  readonly startMiB: number;
  readonly sizeMiB: number;
  readonly type: number;
  readonly isActive: boolean;
}

/** The same bytes for the same parts. @throws GatehouseError `unavailable` when a program of the boot loader fails. */
export async function makeBootDisk(disk: BootDisk): Promise<void> {
  const boot = await bootPartition(disk);
  const root = disk.root === undefined ? undefined : await rootPartition(disk.root, boot);
  const partitions = root === undefined ? [boot] : [boot, root];
  await rm(disk.path, { force: true });
  await writePartitions(disk, partitions);
  await fillBootPartition(disk, boot);
  if (root !== undefined && disk.root !== undefined) await copySparse(disk.root, disk.path, root);
}

async function bootPartition({ kernel, initrd }: BootDisk): Promise<Partition> {
  const bytes = (await stat(kernel)).size + (await stat(initrd)).size;
  const sizeMiB = Math.max(LEAST_BOOT_MIB, Math.ceil(bytes / MIB) + BOOT_SPARE_MIB);
  return { startMiB: BOOT_START_MIB, sizeMiB, type: PARTITION_TYPE.fat16, isActive: true };
}

async function rootPartition(image: string, before: Partition): Promise<Partition> {
  const sizeMiB = Math.ceil((await stat(image)).size / MIB);
  const startMiB = before.startMiB + before.sizeMiB;
  return { startMiB, sizeMiB, type: PARTITION_TYPE.linux, isActive: false };
}

async function writePartitions({ path, loader }: BootDisk, partitions: readonly Partition[]): Promise<void> {
  const record = Buffer.alloc(SECTOR_BYTES);
  (await readFile(loader.bootRecord)).copy(record, 0, 0, 440);
  record.writeUInt32LE(DISK_NUMBER, 440);
  for (const [index, partition] of partitions.entries()) entryOf(partition).copy(record, 446 + index * 16);
  record.writeUInt16BE(0x55aa, 510);
  const file = await open(path, "wx");
  try {
    await file.write(record, 0, record.length, 0);
    const endMiB = Math.max(...partitions.map(({ startMiB, sizeMiB }) => startMiB + sizeMiB));
    await file.truncate(endMiB * MIB);
  } finally {
    await file.close();
  }
}

function entryOf({ startMiB, sizeMiB, type, isActive }: Partition): Buffer {
  const entry = Buffer.alloc(16);
  entry[0] = isActive ? IS_ACTIVE : 0;
  NO_CHS.copy(entry, 1);
  entry[4] = type;
  NO_CHS.copy(entry, 5);
  entry.writeUInt32LE(startMiB * SECTORS_A_MIB, 8);
  entry.writeUInt32LE(sizeMiB * SECTORS_A_MIB, 12);
  return entry;
}

async function fillBootPartition(disk: BootDisk, { startMiB, sizeMiB }: Partition): Promise<void> {
  const at = `${disk.path}@@${startMiB}M`;
  const sectors = sizeMiB * SECTORS_A_MIB;
  const geometry = ["-T", String(sectors), "-h", "255", "-s", "63", "-H", String(startMiB * SECTORS_A_MIB)];
  await tool(disk.loader, "mformat", ["-i", at, ...geometry, "-N", VOLUME_NUMBER, "-v", "BOOT", "::"]);
  const folder = await mkdtemp(`${disk.path}.files-`);
  try {
    await writeFiles(disk, folder);
    const found = await readdir(folder, { recursive: true });
    // Folders are dated once nothing more is written into them.
    for (const name of found.sort().reverse()) await utimes(join(folder, name), FILE_DATE_S, FILE_DATE_S);
    const files = (await readdir(folder)).sort().map((name) => join(folder, name));
    await tool(disk.loader, "mcopy", ["-s", "-m", "-i", at, ...files, "::"]);
    await tool(disk.loader, "syslinux", ["--offset", String(startMiB * MIB), "--install", disk.path]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Each boot loader has its configuration beside the one kernel; UEFI looks for its own by this name on any disk. */
async function writeFiles({ kernel, initrd, commandLine, loader }: BootDisk, folder: string): Promise<void> {
  const entry = `linux /vmlinuz\ninitrd /initrd.img\noptions ${commandLine}\n`;
  const bios = `DEFAULT linux\nLABEL linux\n  KERNEL vmlinuz\n  INITRD initrd.img\n  APPEND ${commandLine}\n`;
  for (const name of ["EFI/BOOT", "loader/entries"]) await mkdir(join(folder, name), { recursive: true });
  await copyFile(kernel, join(folder, "vmlinuz"));
  await copyFile(initrd, join(folder, "initrd.img"));
  await writeFile(join(folder, "syslinux.cfg"), bios);
  await copyFile(loader.uefiLoader, join(folder, "EFI/BOOT/BOOTX64.EFI"));
  await writeFile(join(folder, "loader/loader.conf"), "timeout 0\n");
  await writeFile(join(folder, "loader/entries/linux.conf"), entry);
}

/** What is zero stays a hole of the file. */
async function copySparse(from: string, to: string, { startMiB }: Partition): Promise<void> {
  const [source, target] = [await open(from, "r"), await open(to, "r+")];
  try {
    const [block, zeros] = [Buffer.alloc(MIB), Buffer.alloc(MIB)];
    for (let at = 0; ; at += MIB) {
      const { bytesRead } = await source.read(block, 0, MIB, at);
      if (bytesRead === 0) return;
      if (block.compare(zeros, 0, bytesRead, 0, bytesRead) === 0) continue;
      await target.write(block, 0, bytesRead, startMiB * MIB + at);
    }
  } finally {
    await source.close();
    await target.close();
  }
}

/** syslinux finds the programs of mtools by PATH; none of them looks at a clock or at this user's settings. */
async function tool(loader: BootLoader, name: string, args: readonly string[]): Promise<void> {
  const path = `${loader.programs}:${process.env.PATH ?? ""}`;
  const env = { PATH: path, LC_ALL: "C", TZ: "UTC", HOME: "/", SOURCE_DATE_EPOCH: String(FILE_DATE_S) };
  try {
    await run(join(loader.programs, name), [...args], { timeout: TOOL_TIMEOUT_MS, env });
  } catch (error) {
    throw new GatehouseError("unavailable", `${name} makes no boot partition: ${errorText(error)}`, {
      cause: error,
    });
  }
}
