/**
 * `npm run build:qemu-disk [-- DIRECTORY]`: the guest of build.ts as a disk that firmware boots, raw and qcow2. Needs
 * qemu-img beside what that needs; builds nothing while the directory holds what the same parts would give.
 */

import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { errorText, GatehouseError } from "../../shared/errors.ts";
import { TEST_GUEST_KERNEL_COMMAND } from "../../shared/guests/test-guest.ts";
import { bootLoaderPackages, fetchBootLoader } from "./boot-loader.ts";
import { type BuiltGuest, buildGuest } from "./build.ts";
import { makeBootDisk } from "./disk.ts";
import type { DebianPackage } from "./packages.ts";

const run = promisify(execFile);
const DEFAULT_DIRECTORY = fileURLToPath(new URL("../../dist/qemu-guest", import.meta.url));
/** What the disk is made with, beside the guest and the packages. */
const SOURCES = ["disk.ts", "boot-loader.ts", "build-disk.ts"];

export interface BuiltDisk {
  readonly raw: string;
  readonly qcow2: string;
  /** Of its boot loader. */
  readonly packages: readonly DebianPackage[];
  /** False: what was there is what would have been built. */
  readonly isNew: boolean;
}

/** @throws GatehouseError `not_found`, `unavailable` when packages, or the tools that fetch or convert, are missing. */
export async function buildDisk(directory: string, tell: (line: string) => void): Promise<BuiltDisk> {
  const guest = await buildGuest(directory, tell);
  const paths = { raw: join(directory, "disk.raw"), qcow2: join(directory, "disk.qcow2") };
  const note = join(directory, "disk.json");
  const packages = await bootLoaderPackages();
  const parts = { parts: await partsHash(guest), commandLine: TEST_GUEST_KERNEL_COMMAND, packages };
  const wanted = `${JSON.stringify(parts, undefined, 2)}\n`;
  if (await isBuilt(note, wanted, [paths.raw, paths.qcow2])) return { ...paths, packages, isNew: false };
  tell("a disk that its firmware boots");
  await rm(note, { force: true });
  const scratch = await mkdtemp(join(directory, "disk-"));
  try {
    const loader = await fetchBootLoader(packages, join(directory, "packages"), join(scratch, "loader"));
    const raw = join(scratch, "raw");
    const { bzImage: kernel, initrd } = guest;
    await makeBootDisk({ path: raw, loader, kernel, initrd, commandLine: TEST_GUEST_KERNEL_COMMAND });
    const qcow2 = join(scratch, "qcow2");
    await convert(raw, qcow2);
    await rename(raw, paths.raw);
    await rename(qcow2, paths.qcow2);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  await writeFile(note, wanted);
  return { ...paths, packages, isNew: true };
}

/** @throws GatehouseError `unavailable` when qemu-img is missing or fails. */
export async function convert(raw: string, qcow2: string, options: readonly string[] = []): Promise<void> {
  try {
    await run("qemu-img", ["convert", "-f", "raw", "-O", "qcow2", ...options, raw, qcow2]);
  } catch (error) {
    throw new GatehouseError(
      "unavailable",
      `qemu-img (Debian: qemu-utils) makes no qcow2 image: ${errorText(error)}`,
      { cause: error },
    );
  }
}

async function partsHash({ bzImage, initrd }: BuiltGuest): Promise<string> {
  const hash = createHash("sha256");
  const sources = SOURCES.map((name) => join(import.meta.dirname, name));
  for (const file of [bzImage, initrd, ...sources]) {
    const content = await readFile(file);
    hash.update(`${content.length}\0`).update(content);
  }
  return hash.digest("hex");
}

async function isBuilt(note: string, wanted: string, files: readonly string[]): Promise<boolean> {
  try {
    await Promise.all(files.map((file) => stat(file)));
    return (await readFile(note, "utf8")) === wanted;
  } catch {
    return false;
  }
}

async function main(): Promise<number> {
  const directory = resolve(process.argv[2] ?? DEFAULT_DIRECTORY);
  try {
    await mkdir(directory, { recursive: true });
    const { raw, qcow2, isNew } = await buildDisk(directory, (line) => console.log(`guest: ${line}`));
    console.log(`guest: ${isNew ? "built" : "unchanged"}: ${raw}, ${qcow2}`);
    return 0;
  } catch (error) {
    console.error(`guest: ${errorText(error)}`);
    return 1;
  }
}

if (import.meta.main) process.exitCode = await main();
