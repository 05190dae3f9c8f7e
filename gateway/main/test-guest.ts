/** The small guest that `gatehouse demo qemu` boots: built by this clone's own script, which knows when there is nothing to do. */

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { errorText, GatehouseError } from "../../shared/errors.ts";
import { findTool } from "../cloud/embedded/drivers/tool.ts";

/** The root of the package: two folders up in the sources, three in what is built of them. */
const ROOT = [new URL("../../", import.meta.url), new URL("../../../", import.meta.url)]
  .map((url) => fileURLToPath(url))
  .find((folder) => existsSync(join(folder, "package.json")));
const SCRIPT = "scripts/guest-image/build.ts";
const IMAGE = "dist/qemu-guest";

export interface TestGuest {
  readonly directory: string;
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
  const directory = join(ROOT, IMAGE);
  await build(script, directory, tell);
  return { directory, kernel: join(directory, "vmlinuz"), initrd: join(directory, "initrd.img") };
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
