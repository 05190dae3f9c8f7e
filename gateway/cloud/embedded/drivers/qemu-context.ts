/** The context disc of a guest: an ISO 9660 image with the label CONTEXT, as OpenNebula's context packages seek it. */

import { chmod, chown, mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../../../../shared/clock.ts";
import { GatehouseError } from "../../../../shared/errors.ts";
import type { ContextFiles } from "../driver.ts";
import { findTool, runTool } from "./tool.ts";

export interface ContextDisc {
  /** Of the image. */
  readonly path: string;
  /** A directory of the house's alone, for the files on their way. */
  readonly scratch: string;
  readonly context: ContextFiles;
  /** The guest's user; undefined: the house's. */
  readonly uid: number | undefined;
  readonly clock: Clock;
}

const TOOL_TIMEOUT_MS = 30_000;

/** Any of them takes mkisofs' options. */
const MAKERS = [
  { program: "genisoimage", first: [] },
  { program: "mkisofs", first: [] },
  { program: "xorrisofs", first: [] },
  { program: "xorriso", first: ["-as", "mkisofs"] },
] as const;

/** @throws GatehouseError `unavailable` when no program makes it. */
export async function makeContextDisc({ path, scratch, context, uid, clock }: ContextDisc): Promise<void> {
  const folder = await mkdtemp(join(scratch, ".context-"));
  try {
    const files = join(folder, "files");
    const image = join(folder, "image");
    await mkdir(files, { mode: 0o700 });
    await writeFile(join(files, "context.sh"), context.contextSh, { mode: 0o600 });
    if (context.tokenTxt !== undefined)
      await writeFile(join(files, "token.txt"), context.tokenTxt, { mode: 0o600 });
    // It holds the guest's token, so nobody else may read it, not even for a moment.
    await writeFile(image, "", { mode: 0o600 });
    await makeImage(image, files, clock);
    await chmod(image, 0o600);
    if (uid !== undefined) await chown(image, uid, uid);
    await rename(image, path);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function makeImage(image: string, files: string, clock: Clock): Promise<void> {
  for (const { program: name, first } of MAKERS) {
    const program = findTool([name]);
    if (program === undefined) continue;
    const given = [...first, "-quiet", "-J", "-R", "-V", "CONTEXT", "-o", image, files];
    return runTool({ program, arguments: given, clock, timeoutMs: TOOL_TIMEOUT_MS });
  }
  throw new GatehouseError(
    "unavailable",
    "No program makes the context disc: install genisoimage, xorriso or mkisofs.",
  );
}
