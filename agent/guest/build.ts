/** `npm run build:guest`: bundles the `onegate` command into one file that Node 18 and later run on its own. */

import { chmod } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const ENTRY = fileURLToPath(new URL("./main.ts", import.meta.url));
export const GUEST_BUNDLE = fileURLToPath(new URL("../../dist/guest/onegate.cjs", import.meta.url));

/** Writes the executable file, and the folders above it. CommonJS, because it starts faster than a module. */
export async function buildGuest(outfile: string): Promise<void> {
  await build({
    entryPoints: [ENTRY],
    outfile,
    bundle: true,
    platform: "node",
    target: "node18",
    format: "cjs",
    minify: true,
    banner: { js: "#!/usr/bin/env node" },
    logLevel: "warning",
  });
  await chmod(outfile, 0o755);
}

if (import.meta.main) await buildGuest(process.argv[2] ?? GUEST_BUNDLE);
