/** The `gatehouse-agent` command as a process: what the launcher loads, and what esbuild bundles for hosts (build.ts). */

import { runCommand } from "./command.ts";

/** `gatehouse-agent probe kvm | head` closes the pipe: nobody is left to tell anything. */
process.stdout.on("error", () => process.exit(0));

runCommand(process.argv.slice(2)).then((code) => {
  // Whatever a probe that hangs still holds open, the agent has ended.
  process.exitCode = code;
  setImmediate(() => process.exit());
});
