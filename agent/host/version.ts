/** The version of this package, which the host tells as VERSION. */

import { readFileSync } from "node:fs";
import { z } from "zod";

/** Put there when the agent is bundled into one file, which has no package.json beside it (build.ts). */
declare const BUNDLED_VERSION: string | undefined;

export function agentVersion(): string {
  if (typeof BUNDLED_VERSION === "string") return BUNDLED_VERSION;
  // package.json is above the sources, and one folder further above what is built from them.
  const steps = import.meta.url.endsWith(".ts") ? "../../package.json" : "../../../package.json";
  const text = readFileSync(new URL(steps, import.meta.url), "utf8");
  return z.object({ version: z.string() }).parse(JSON.parse(text)).version;
}
