/** The `onegate` command as a process: what esbuild bundles into one file for guests (see build.ts). */

import { readFileSync } from "node:fs";
import { commandClock } from "./clock.ts";
import { runCommand } from "./command.ts";

/** `onegate service show | head -1` closes the pipe: nobody is left to tell anything. */
process.stdout.on("error", () => process.exit(0));

/** A second signal changes nothing: it would cut off what ends the children. */
function stopSignal(): AbortSignal {
  const controller = new AbortController();
  const signals = ["SIGTERM", "SIGINT", ...(ignoresHangUp() ? [] : ["SIGHUP"])] as const;
  for (const signal of signals) process.on(signal, () => controller.abort());
  return controller.signal;
}

/** True below `nohup`, which a listener would undo: bit 0 of SigIgn is signal 1 (proc(5)). */
function ignoresHangUp(): boolean {
  try {
    const [, mask = "0"] = /^SigIgn:\s*([0-9a-f]+)$/m.exec(readFileSync("/proc/self/status", "utf8")) ?? [];
    return (BigInt(`0x${mask}`) & 1n) === 1n;
  } catch {
    return false;
  }
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
