/**
 * Where this installation has the host agent: built in one file, or its sources. In a clone the file counts while it is
 * newer than what it was built of; the sources take a third more memory, since Node then holds its TypeScript parser.
 */

import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The root of the package: two folders up in the sources, three in what is built of them. */
const ROOT = [new URL("../../", import.meta.url), new URL("../../../", import.meta.url)]
  .map((url) => fileURLToPath(url))
  .find((folder) => existsSync(join(folder, "package.json")));

const SOURCES = "agent/host/main.ts";
const BUNDLE = "dist/agent/gatehouse-agent.cjs";
/** What the file is built of. */
const BUILT_OF = ["agent", "probes", "shared"];

/** The command that runs the agent on this machine, without its arguments; undefined when there is none. */
export function localAgentCommand(): readonly [string, ...string[]] | undefined {
  const bundle = pathOf(BUNDLE);
  const sources = pathOf(SOURCES);
  const isCurrent = bundle !== undefined && (sources === undefined || isNewer(bundle));
  const file = isCurrent ? bundle : (sources ?? bundle);
  return file === undefined ? undefined : [process.execPath, "--disable-warning=ExperimentalWarning", file];
}

/** The one file that other hosts get; undefined where it was not built. */
export function agentBundle(): string | undefined {
  return pathOf(BUNDLE);
}

function isNewer(bundle: string): boolean {
  const built = statSync(bundle).mtimeMs;
  return BUILT_OF.every((folder) => filesOf(folder).every((file) => statSync(file).mtimeMs <= built));
}

function filesOf(folder: string): readonly string[] {
  const path = pathOf(folder);
  if (path === undefined) return [];
  const entries = readdirSync(path, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

function pathOf(file: string): string | undefined {
  const path = ROOT === undefined ? undefined : join(ROOT, file);
  return path !== undefined && existsSync(path) ? path : undefined;
}
