/**
 * The `onegate` command for process VMs, which have no image of their own to bring it: the bundle where a guest can reach
 * a Node, its shell twin otherwise.
 */

import { chmodSync, copyFileSync, existsSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { DEFAULT_PATH } from "../cloud/embedded/drivers/process-init.ts";

/** The root of the package: two folders up in the sources, three in what is built of them. */
const ROOT = [new URL("../../", import.meta.url), new URL("../../../", import.meta.url)]
  .map((url) => fileURLToPath(url))
  .find((folder) => existsSync(join(folder, "package.json")));
const BUNDLE = "dist/guest/onegate.cjs";
const SHELL_TWIN = "agent/guest/sh/onegate.sh";

/**
 * The guests' PATH, with the command in front. `runDir` is the driver's: guests may go through it, not write.
 * `ownUids`: guests are not the server's user, and may not reach its Node.
 */
export function installGuestTools(runDir: string, ownUids: boolean): string {
  const tools = join(runDir, "bin");
  mkdirSync(runDir, { recursive: true, mode: 0o711 });
  mkdirSync(tools, { recursive: true, mode: 0o755 });
  const bundle = install(BUNDLE, join(tools, "onegate.cjs"));
  const twin = install(SHELL_TWIN, join(tools, "onegate.sh"));
  const node = process.execPath;
  const command =
    bundle && (!ownUids || isReachable(node))
      ? [node, join(tools, "onegate.cjs")]
      : twin
        ? [join(tools, "onegate.sh")]
        : undefined;
  if (command === undefined) return DEFAULT_PATH;
  const words = command.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
  write(join(tools, "onegate"), `#!/bin/sh\nexec ${words} "$@"\n`);
  return `${tools}:${DEFAULT_PATH}`;
}

/** False when this installation has no such file: a clone in which nothing was built. */
function install(from: string, to: string): boolean {
  const source = ROOT === undefined ? undefined : join(ROOT, from);
  if (source === undefined || !existsSync(source)) return false;
  copyFileSync(source, to);
  chmodSync(to, 0o755);
  return true;
}

function write(file: string, text: string): void {
  writeFileSync(file, text);
  chmodSync(file, 0o755);
}

/** Can any user run it? A Node in somebody's private folder is no use to guests with ids of their own. */
function isReachable(file: string): boolean {
  if ((statSync(file).mode & 0o005) !== 0o005) return false;
  for (let folder = dirname(file); ; folder = dirname(folder)) {
    if ((statSync(folder).mode & 0o001) === 0) return false;
    if (folder === dirname(folder)) return true;
  }
}
