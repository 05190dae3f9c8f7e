/** What is in the guest: its kernel, and its initial file system of busybox, modules, our `onegate` and the files under root/. */

import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { gunzipSync, zstdDecompressSync } from "node:zlib";
import { GatehouseError } from "../../shared/errors.ts";
import { type CpioEntry, cpio } from "./cpio.ts";
import { kernelInside } from "./kernel.ts";
import { stripped } from "./module-file.ts";
import { loadOrder } from "./modules.ts";
import { unpack } from "./packages.ts";

const run = promisify(execFile);
const MAX_MODULE_BYTES = 64 * 1024 * 1024;

/**
 * What init may want (root/lib/guest/devices.sh). The context's disc may be a virtio disc, or stand on IDE or
 * virtio's SCSI; the button is how a guest is asked to go; a panic is told to QEMU.
 */
const MODULES = [
  ...["virtio_pci", "virtio_net", "virtio_blk", "virtio_scsi", "virtio_rng"],
  ...["ata_piix", "sr_mod", "isofs", "button", "evdev", "pvpanic_mmio"],
];

/** What init and onegate.sh run, besides busybox's own shell. */
const NEEDED_APPLETS = [
  ...["awk", "base64", "cat", "cp", "date", "dd", "grep", "hostname", "ifconfig", "ip", "mkdir", "mkfifo"],
  ...["mktemp", "modprobe", "mount", "mv", "nc", "od", "poweroff", "reboot", "rm", "sed", "setsid", "sleep"],
  ...["sync", "tail", "tr", "udhcpc", "umount", "usleep", "wc", "wget"],
];

export interface ImageParts {
  /** The files of both packages. */
  readonly kernelDeb: string;
  readonly busyboxDeb: string;
  /** The files that stand in the guest as they do here. */
  readonly root: string;
  readonly onegate: string;
  /** For what is needed only meanwhile. */
  readonly scratch: string;
}

export interface Image {
  /** As QEMU boots it soonest. */
  readonly kernel: Buffer;
  /** The same kernel, as boot loaders take it. */
  readonly bzImage: Buffer;
  readonly initrd: Buffer;
}

/** The same bytes for the same parts. @throws GatehouseError `not_found` when a package lacks what a guest needs. */
export async function makeImage({
  kernelDeb,
  busyboxDeb,
  root,
  onegate,
  scratch,
}: ImageParts): Promise<Image> {
  const tree = await mkdtemp(join(scratch, "unpacked-"));
  try {
    await unpack(kernelDeb, tree);
    await unpack(busyboxDeb, tree);
    const boot = join(tree, "boot");
    const kernelName = await onlyOne(boot, /^vmlinuz-/, "kernel");
    const modules = await modulesOf(tree, kernelName.slice("vmlinuz-".length));
    const entries = [
      ...FOLDERS.map((path): CpioEntry => ({ path, kind: "directory" })),
      ...LINKS,
      ...(await busyboxEntries(tree)),
      ...modules,
      ...(await rootEntries(root)),
      program("usr/bin/onegate", await readFile(onegate)),
    ];
    const bzImage = await readFile(join(boot, kernelName));
    return { kernel: kernelInside(bzImage), bzImage, initrd: cpio(entries) };
  } finally {
    await rm(tree, { recursive: true, force: true });
  }
}

const FOLDERS = ["dev", "mnt", "proc", "root", "run", "sys", "tmp", "var/log"];
const LINKS: readonly CpioEntry[] = [{ path: "var/run", kind: "link", target: "/run" }];

function program(path: string, content: Uint8Array): CpioEntry {
  return { path, kind: "file", content, executable: true };
}

async function onlyOne(directory: string, pattern: RegExp, what: string): Promise<string> {
  const [name, ...more] = (await readdir(directory)).filter((each) => pattern.test(each));
  if (name !== undefined && more.length === 0) return name;
  throw new GatehouseError(
    "not_found",
    `The kernel package has ${more.length + (name ? 1 : 0)} ${what}s, not one.`,
  );
}

/** The modules, and the list by which modprobe knows what each needs. */
async function modulesOf(tree: string, version: string): Promise<readonly CpioEntry[]> {
  const directory = await firstThere([
    join(tree, "lib/modules", version),
    join(tree, "usr/lib/modules", version),
  ]);
  const busybox = await busyboxOf(tree);
  const read = (path: string) => readModule(path, busybox);
  const ordered = await loadOrder(directory, MODULES, read);
  const file = (name: string, content: Buffer): CpioEntry => {
    return { path: `lib/modules/${version}/${name}`, kind: "file", content, executable: false };
  };
  const files = ordered.map(async ({ name, path }) => file(`${name}.ko`, stripped(await read(path))));
  // As depmod(8) writes it: what is needed first comes last.
  const lines = ordered.map(
    ({ name, needs }) => `${[`${name}.ko:`, ...needs.map((each) => `${each}.ko`).reverse()].join(" ")}\n`,
  );
  return [file("modules.dep", Buffer.from(lines.join(""))), ...(await Promise.all(files))];
}

async function readModule(path: string, busybox: string): Promise<Buffer> {
  if (path.endsWith(".xz")) {
    const options = { encoding: "buffer", maxBuffer: MAX_MODULE_BYTES } as const;
    return (await run(busybox, ["xzcat", path], options)).stdout;
  }
  const bytes = await readFile(path);
  if (path.endsWith(".gz")) return gunzipSync(bytes, { maxOutputLength: MAX_MODULE_BYTES });
  return path.endsWith(".zst") ? zstdDecompressSync(bytes, { maxOutputLength: MAX_MODULE_BYTES }) : bytes;
}

function busyboxOf(tree: string): Promise<string> {
  return firstThere([join(tree, "bin/busybox"), join(tree, "usr/bin/busybox")]);
}

/** Newer packages have merged /bin into /usr/bin. */
async function firstThere(paths: readonly string[]): Promise<string> {
  for (const path of paths) if ((await stat(path).catch(() => undefined)) !== undefined) return path;
  throw new GatehouseError("not_found", `Debian's packages have neither of ${paths.join(", ")}.`);
}

async function busyboxEntries(tree: string): Promise<readonly CpioEntry[]> {
  const path = await busyboxOf(tree);
  const applets = (await run(path, ["--list"])).stdout
    .split("\n")
    .filter((name) => /^[a-z0-9_]+$/.test(name));
  const missing = NEEDED_APPLETS.filter((name) => !applets.includes(name));
  if (missing.length > 0)
    throw new GatehouseError("not_found", `The package busybox-static has no ${missing.join(", no ")}.`);
  const links = applets
    .filter((name) => name !== "busybox")
    .map((name): CpioEntry => ({ path: `bin/${name}`, kind: "link", target: "busybox" }));
  return [program("bin/busybox", await readFile(path)), ...links];
}

/** Scripts are known by their first line: modes differ with who checked the repository out. */
async function rootEntries(root: string): Promise<readonly CpioEntry[]> {
  const found = await readdir(root, { recursive: true, withFileTypes: true });
  const files = found.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return await Promise.all(
    files.map(async (file): Promise<CpioEntry> => {
      const content = await readFile(file);
      const executable = content.subarray(0, 2).toString("latin1") === "#!";
      return { path: file.slice(root.length + 1), kind: "file", content, executable };
    }),
  );
}
