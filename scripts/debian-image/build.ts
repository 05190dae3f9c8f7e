/**
 * `npm run build:debian-image [-- DIRECTORY]`: a Debian system as a disk that firmware boots, with cloud-init and our
 * `onegate`. Needs mmdebstrap, and fakeroot where it is not root that builds.
 */

import { execFile } from "node:child_process";
import { copyFile, mkdir, mkdtemp, realpath, rename, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { errorText, GatehouseError } from "../../shared/errors.ts";
import { bootLoaderPackages, fetchBootLoader } from "../guest-image/boot-loader.ts";
import { convert } from "../guest-image/build-disk.ts";
import { makeBootDisk } from "../guest-image/disk.ts";
import { stageFiles } from "./files.ts";

const run = promisify(execFile);
const DEFAULT_DIRECTORY = fileURLToPath(new URL("../../dist/debian-image", import.meta.url));
const MAKE_ROOT = join(import.meta.dirname, "make-root.sh");
const SUITE = "bookworm";
const TOOL_TIMEOUT_MS = 1_800_000;
const MAX_OUTPUT_BYTES = 16 * 1024 * 1024;

const PACKAGES = [
  ...["linux-image-cloud-amd64", "systemd", "systemd-sysv", "systemd-resolved", "udev", "dbus"],
  // sudo: cloud-init reads the context as another user, so that it cannot do harm.
  ...["cloud-init", "cloud-guest-utils", "sudo", "openssh-server", "iproute2", "curl", "ca-certificates"],
];

/** What the system is told once its packages are there; `$1` is its root. */
const HOOKS = [
  'chroot "$1" systemctl enable systemd-networkd onegate-context onegate-ready',
  'chroot "$1" systemctl disable apt-daily.timer apt-daily-upgrade.timer',
  // Each machine makes its own.
  'rm -f "$1"/etc/hostname "$1"/etc/ssh/ssh_host_* && : > "$1/etc/machine-id"',
];

/** The root file system is the second partition of a disk with this number (disk.ts). */
const COMMAND_LINE = "root=PARTUUID=47480002-02 ro console=tty0 console=ttyS0 quiet no_timer_check";

/** The path of the image. @throws GatehouseError `unavailable` when a tool is missing or fails. */
export async function buildDebian(directory: string, tell: (line: string) => void): Promise<string> {
  await mkdir(directory, { recursive: true });
  const scratch = await mkdtemp(join(directory, "build-"));
  try {
    const loader = await fetchBootLoader(
      await bootLoaderPackages(),
      join(directory, "packages"),
      join(scratch, "loader"),
    );
    tell(`${SUITE} with ${PACKAGES.length} packages and what they need`);
    const archive = join(scratch, "root.tar");
    await install(archive, await stageFiles(scratch));
    tell("its disk");
    const [tree, root] = [join(scratch, "tree"), join(scratch, "root.ext4")];
    await asRoot("sh", [MAKE_ROOT, archive, tree, root]);
    const [kernel, initrd] = [join(scratch, "vmlinuz"), join(scratch, "initrd.img")];
    await copyFile(await realpath(join(tree, "vmlinuz")), kernel);
    await copyFile(await realpath(join(tree, "initrd.img")), initrd);
    const raw = join(scratch, "raw");
    await makeBootDisk({ path: raw, loader, kernel, initrd, commandLine: COMMAND_LINE, root });
    const image = join(scratch, "qcow2");
    await convert(raw, image);
    await rename(image, join(directory, "debian.qcow2"));
    return join(directory, "debian.qcow2");
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** @param files an archive of what is put over the packages' files. */
async function install(archive: string, files: string): Promise<void> {
  const hooks = [`tar-in "${files}" /`, ...HOOKS].map((hook) => `--customize-hook=${hook}`);
  const options = ["--quiet", "--variant=minbase", "--format=tar", `--include=${PACKAGES.join(",")}`];
  await tool("mmdebstrap", "mmdebstrap", [...options, ...hooks, SUITE, archive]);
}

/** Root owns the files of a system; who is not root takes fakeroot's word for it. */
async function asRoot(program: string, args: readonly string[]): Promise<void> {
  if (process.getuid?.() === 0) return tool(program, "dash", args);
  await tool("fakeroot", "fakeroot", [program, ...args]);
}

/** @param packageName which package of Debian brings the tool. */
async function tool(name: string, packageName: string, args: readonly string[]): Promise<void> {
  const path = `${process.env.PATH ?? ""}:/usr/sbin:/sbin`;
  const env = { ...process.env, PATH: path, LC_ALL: "C.UTF-8" };
  try {
    await run(name, [...args], { timeout: TOOL_TIMEOUT_MS, maxBuffer: MAX_OUTPUT_BYTES, env });
  } catch (error) {
    const isMissing = error instanceof Error && "code" in error && error.code === "ENOENT";
    const why = isMissing ? `this machine lacks it: install ${packageName}` : errorText(error);
    throw new GatehouseError("unavailable", `${name} makes no Debian system: ${why}.`, { cause: error });
  }
}

async function main(): Promise<number> {
  const directory = resolve(process.argv[2] ?? DEFAULT_DIRECTORY);
  try {
    console.log(`debian: built: ${await buildDebian(directory, (line) => console.log(`debian: ${line}`))}`);
    return 0;
  } catch (error) {
    console.error(`debian: ${errorText(error)}`);
    return 1;
  }
}

if (import.meta.main) process.exitCode = await main();
