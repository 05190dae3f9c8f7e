/** `npm run build:agent`: bundles the host agent into one file, which Node 24 runs on a host without this package. */

import { chmod, stat } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build, type Plugin } from "esbuild";
import { AGENT_NODE_FLAGS } from "./node-flags.ts";
import { agentVersion } from "./version.ts";

const ENTRY = fileURLToPath(new URL("./main.ts", import.meta.url));
export const AGENT_BUNDLE = fileURLToPath(new URL("../../dist/agent/gatehouse-agent.cjs", import.meta.url));

/** Zod brings its sentences in fifty languages, 265 KB that an agent would hold in memory; English is used alone. */
const oneLanguage: Plugin = {
  name: "one-language",
  setup(builder) {
    builder.onLoad({ filter: /[\\/]zod[\\/]v4[\\/]locales[\\/]index\.js$/ }, () => ({
      contents: 'export { default as en } from "./en.js";',
    }));
  },
};

/** Writes the executable file, and the folders above it; its bytes. CommonJS, because it starts faster than a module. */
export async function buildAgent(outfile: string): Promise<number> {
  await build({
    entryPoints: [ENTRY],
    outfile,
    bundle: true,
    platform: "node",
    target: "node24",
    format: "cjs",
    minify: true,
    banner: { js: `#!/usr/bin/env -S node ${AGENT_NODE_FLAGS.join(" ")}` },
    plugins: [oneLanguage],
    define: { BUNDLED_VERSION: JSON.stringify(agentVersion()), "import.meta.url": '""' },
    logLevel: "warning",
  });
  await chmod(outfile, 0o755);
  return (await stat(outfile)).size;
}

if (import.meta.main) await buildAgent(process.argv[2] ?? AGENT_BUNDLE);
