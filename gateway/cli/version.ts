/** The version of this package, for every command's --version. */

import { readFileSync } from "node:fs";
import { z } from "zod";

/** package.json is above the sources, and one folder further above what is built from them. */
export function packageVersion(): string {
  const steps = import.meta.url.endsWith(".ts") ? "../../package.json" : "../../../package.json";
  const text = readFileSync(new URL(steps, import.meta.url), "utf8");
  return z.object({ version: z.string() }).parse(JSON.parse(text)).version;
}
