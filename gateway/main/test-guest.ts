/** The small guest that `gatehouse demo qemu` boots: built by this clone's own script, which knows when there is nothing to do. */

import { spawn } from "node:child_process";
import { chmodSync, constants, existsSync, mkdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { errorText, GatehouseError } from "../../shared/errors.ts";
import { findTool } from "../cloud/embedded/drivers/tool.ts";
import { guestsHaveUids, ROOTS } from "./qemu-places.ts";

/** The root of the package: two folders up in the sources, three in what is built of them. */
const ROOT = [new URL("../../", import.meta.url), new URL("../../../", import.meta.url)]
  .map((url) => fileURLToPath(url))
  .find((folder) => existsSync(join(folder, "package.json")));
const SCRIPT = "scripts/guest-image/build.ts";
const IMAGE = "dist/qemu-guest";
/** Where root's guests, each of a user of its own, get to it whatever folder the clone lies in. */
const ROOTS_IMAGE = join(ROOTS, "demo-guest");

export interface TestGuest {
  readonly directory: string;
  /** Names in the directory, so that a template which has them outlives a move of the clone. */
  readonly kernel: string;
  readonly initrd: string;
}

/** Each with what brings it in Debian; any of the programs will do. */
const NEEDED = [
  { what: "QEMU", programs: ["qemu-system-x86_64"], packages: "qemu-system-x86" },
  {
    what: "a program that makes context discs",
    programs: ["genisoimage", "mkisofs", "xorrisofs", "xorriso"],
    packages: "genisoimage or xorriso",
  },
] as const;

/** @throws GatehouseError `unavailable` when virtual machines need what this machine lacks, with what to install. */
export function requireQemu(find: (programs: readonly string[]) => string | undefined = findTool): void {
  const missing = NEEDED.filter(({ programs }) => find(programs) === undefined);
  if (missing.length === 0) return;
  const what = missing.map(({ what: each, programs }) => `${each} (${programs.join(", ")})`).join(" and ");
  const packages = missing.map(({ packages: each }) => each).join(", and ");
  throw new GatehouseError(
    "unavailable",
    `Virtual machines need what this machine lacks: ${what}. Install ${packages}.`,
  );
}

/**
 * Builds the guest if it is missing or made of other sources. `tell` hears a line a step.
 * @throws GatehouseError `unavailable` when it cannot be built, with what the script said of it.
 */
export async function ensureTestGuest(tell: (line: string) => void): Promise<TestGuest> {
  const script = ROOT === undefined ? undefined : join(ROOT, SCRIPT);
  if (ROOT === undefined || script === undefined || !existsSync(script))
    throw new GatehouseError(
      "unavailable",
      `This installation has no ${SCRIPT}, which builds the demo's guest: run the demo in a clone of the repository.`,
    );
  const directory = guestsHaveUids() && !othersMayEnter(ROOT) ? ROOTS_IMAGE : join(ROOT, IMAGE);
  if (directory === ROOTS_IMAGE) mkdirSync(ROOTS, { recursive: true, mode: 0o711 });
  await build(script, directory, tell);
  const guest = { directory, kernel: "vmlinux", initrd: "initrd.img" };
  if (guestsHaveUids()) showToOthers(guest);
  return guest;
}

function othersMayEnter(folder: string): boolean {
  for (let dir = folder; ; dir = dirname(dir)) {
    if ((statSync(dir).mode & constants.S_IXOTH) === 0) return false;
    if (dir === dirname(dir)) return true;
  }
}

/** Whatever umask built it. */
function showToOthers({ directory, kernel, initrd }: TestGuest): void {
  chmodSync(directory, 0o755);
  for (const name of [kernel, initrd]) chmodSync(join(directory, name), 0o644);
}

async function build(script: string, directory: string, tell: (line: string) => void): Promise<void> {
  const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", script, directory], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  createInterface(child.stdout).on("line", tell);
  const complaints: string[] = [];
  createInterface(child.stderr).on("line", (line) => complaints.push(line));
  const code = await new Promise((resolve) => {
    child.once("error", (error) => resolve(errorText(error)));
    child.once("close", (status, signal) => resolve(status ?? signal));
  });
  if (code !== 0)
    throw new GatehouseError(
      "unavailable",
      `The demo's guest cannot be built: ${complaints.at(-1)?.replace(/^guest: /, "") ?? `the script ended with ${code}`}`,
    );
}
