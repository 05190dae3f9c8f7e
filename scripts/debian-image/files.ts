/** The files that the Debian system has besides its packages: those below root/, and our `onegate` with its unit. */

import { execFile } from "node:child_process";
import { chmod, copyFile, mkdir, readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const ROOT_FILES = join(import.meta.dirname, "root");
const REPOSITORY = fileURLToPath(new URL("../../", import.meta.url));
const GUEST = join(REPOSITORY, "agent/guest");

/** The path of an archive of them, made in `scratch`, in which all belong to root. */
export async function stageFiles(scratch: string): Promise<string> {
  const folder = join(scratch, "files");
  const found = await readdir(ROOT_FILES, { recursive: true, withFileTypes: true });
  const own = found.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  for (const file of own) await stage(file, join(folder, file.slice(ROOT_FILES.length)));
  await stage(join(GUEST, "sh/onegate.sh"), join(folder, "usr/bin/onegate"));
  const unit = "onegate-ready.service";
  await stage(join(GUEST, "units", unit), join(folder, "etc/systemd/system", unit));
  const archive = join(scratch, "files.tar");
  const options = ["--owner=0", "--group=0", "--numeric-owner", "--mode=u+rwX,go+rX,go-w"];
  await run("tar", [...options, "-C", folder, "-cf", archive, "."]);
  return archive;
}

/** Scripts are known by their first line: modes differ with who checked the repository out. */
async function stage(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  await copyFile(from, to);
  const isScript = (await readFile(from)).subarray(0, 2).toString("latin1") === "#!";
  await chmod(to, isScript ? 0o755 : 0o644);
}
