/** The `onegate` command as a process: what esbuild bundles into one file for guests (see build.ts). */

import { commandClock } from "./clock.ts";
import { runCommand } from "./command.ts";

/** `onegate service show | head -1` closes the pipe: nobody is left to tell anything. */
process.stdout.on("error", () => process.exit(0));

function stopSignal(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => controller.abort());
  return controller.signal;
}

runCommand(process.argv.slice(2), {
  variables: process.env,
  tty: process.stdout.isTTY === true,
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
  clock: commandClock,
  random: Math.random,
  stopSignal,
}).then((code) => {
  process.exitCode = code;
});
