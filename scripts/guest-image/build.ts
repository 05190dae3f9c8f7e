/**
 * `npm run build:qemu-guest [-- DIRECTORY]`: a small guest that QEMU boots, of Debian's kernel and busybox and our
 * `onegate`. Needs apt and dpkg, no root; builds nothing while the directory holds what the same parts would give.
 */

import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { errorText, GatehouseError } from "../../shared/errors.ts";
import { makeImage } from "./image.ts";
import { candidate, type DebianPackage, download } from "./packages.ts";

const REPOSITORY = fileURLToPath(new URL("../../", import.meta.url));
const DEFAULT_DIRECTORY = join(REPOSITORY, "dist/qemu-guest");
const OWN_FILES = join(REPOSITORY, "scripts/guest-image");
const ROOT_FILES = join(OWN_FILES, "root");
const ONEGATE = join(REPOSITORY, "agent/guest/sh/onegate.sh");

/** Depends on the kernel of the day. */
const KERNEL = "linux-image-cloud-amd64";
const BUSYBOX = "busybox-static";

const versionSchema = z.object({
  /** Of everything that comes from this repository. */
  sources: z.string(),
  kernel: z.object({ name: z.string(), version: z.string() }),
  busybox: z.object({ name: z.string(), version: z.string() }),
});
type Version = z.infer<typeof versionSchema>;

export interface BuiltGuest {
  /** What a template names: an ELF file, with nothing to unpack. */
  readonly kernel: string;
  /** The same kernel, for boot loaders. */
  readonly bzImage: string;
  readonly initrd: string;
  /** False: what was there is what would have been built. */
  readonly isNew: boolean;
}

/** @throws GatehouseError `not_found`, `unavailable` when packages, or the tools that fetch them, are missing. */
export async function buildGuest(directory: string, tell: (line: string) => void): Promise<BuiltGuest> {
  const file = (name: string): string => join(directory, name);
  const paths = { kernel: file("vmlinux"), bzImage: file("vmlinuz"), initrd: file("initrd.img") };
  const note = join(directory, "version.json");
  const sources = await sourcesHash();
  const known = await builtVersion(note, Object.values(paths));
  const wanted = await wantedVersion(sources).catch((error: unknown) => {
    // Where apt is no help any more, what was built of these sources is still good.
    if (known?.sources === sources) return known;
    throw error;
  });
  if (known !== undefined && JSON.stringify(known) === JSON.stringify(wanted))
    return { ...paths, isNew: false };
  const debs = join(directory, "packages");
  const fetched = async (wantedPackage: DebianPackage): Promise<string> => {
    tell(`Debian's package ${wantedPackage.name} ${wantedPackage.version}`);
    return await download(wantedPackage, debs);
  };
  const [kernelDeb, busyboxDeb] = [await fetched(wanted.kernel), await fetched(wanted.busybox)];
  tell("the kernel, its modules and the initial file system");
  const parts = { kernelDeb, busyboxDeb, root: ROOT_FILES, onegate: ONEGATE, scratch: directory };
  const image = await makeImage(parts);
  // The note comes last, and goes first: what it describes is whole.
  await rm(note, { force: true });
  await replace(paths.kernel, image.kernel);
  await replace(paths.bzImage, image.bzImage);
  await replace(paths.initrd, image.initrd);
  await replace(note, `${JSON.stringify(wanted, undefined, 2)}\n`);
  return { ...paths, isNew: true };
}

async function sourcesHash(): Promise<string> {
  const found = await readdir(OWN_FILES, { recursive: true, withFileTypes: true });
  const own = found.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const hash = createHash("sha256");
  for (const file of [...own.sort(), ONEGATE]) {
    const content = await readFile(file);
    hash.update(`${file.slice(REPOSITORY.length)}\0${content.length}\0`).update(content);
  }
  return hash.digest("hex");
}

/** Undefined when there is none, or not all of it. */
async function builtVersion(note: string, files: readonly string[]): Promise<Version | undefined> {
  try {
    await Promise.all(files.map((file) => stat(file)));
    return versionSchema.parse(JSON.parse(await readFile(note, "utf8")));
  } catch {
    return undefined;
  }
}

async function wantedVersion(sources: string): Promise<Version> {
  const [meta, busybox] = await Promise.all([candidate(KERNEL), candidate(BUSYBOX)]);
  const kernel = meta.exact.find(({ name }) => name.startsWith("linux-image-"));
  if (kernel === undefined)
    throw new GatehouseError("not_found", `The package ${KERNEL} names no kernel that it depends on.`);
  return { sources, kernel, busybox: { name: busybox.name, version: busybox.version } };
}

/** Nobody who boots meanwhile reads half of it. */
async function replace(path: string, content: Uint8Array | string): Promise<void> {
  const next = `${path}.${process.pid}`;
  await writeFile(next, content);
  await rename(next, path);
}

async function main(): Promise<number> {
  const directory = resolve(process.argv[2] ?? DEFAULT_DIRECTORY);
  try {
    await mkdir(directory, { recursive: true });
    const { kernel, initrd, isNew } = await buildGuest(directory, (line) => console.log(`guest: ${line}`));
    console.log(`guest: ${isNew ? "built" : "unchanged"}: ${kernel}, ${initrd}`);
    return 0;
  } catch (error) {
    console.error(`guest: ${errorText(error)}`);
    return 1;
  }
}

if (import.meta.main) process.exitCode = await main();
