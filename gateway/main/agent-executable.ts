/** Where this installation has the host agent: its sources in a clone, what was built of them in a package. */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The root of the package: two folders up in the sources, three in what is built of them. */
const ROOT = [new URL("../../", import.meta.url), new URL("../../../", import.meta.url)]
  .map((url) => fileURLToPath(url))
  .find((folder) => existsSync(join(folder, "package.json")));

const SOURCES = "agent/host/main.ts";
const BUNDLE = "dist/agent/gatehouse-agent.cjs";

/** The command that runs the agent on this machine, with little memory set aside for its small garbage, without its arguments; undefined when there is none. */
export function localAgentCommand(): readonly [string, ...string[]] | undefined {
  const file = [SOURCES, BUNDLE].map(pathOf).find((path) => path !== undefined);
  return file === undefined ? undefined : [process.execPath, "--max-semi-space-size=1", file];
}

/** The one file that other hosts get; undefined where it was not built. */
export function agentBundle(): string | undefined {
  return pathOf(BUNDLE);
}

function pathOf(file: string): string | undefined {
  const path = ROOT === undefined ? undefined : join(ROOT, file);
  return path !== undefined && existsSync(path) ? path : undefined;
}
