/** A command of OneFlow, of this process's command line. launch.js loads it, and tells by which name it was called. */

import { isFlowCommandName, runFlowCommand } from "./commands.ts";
import { processFlowContext } from "./context.ts";

/** @throws Error for a name that is no such command: the package itself is broken then. */
export async function main(name: string): Promise<void> {
  if (!isFlowCommandName(name)) throw new Error(`${name} is no command of this package`);
  // A reader that has seen enough (`oneflow list | head`) is no failure.
  process.stdout.on("error", () => process.exit(0));
  process.exitCode = await runFlowCommand(name, process.argv.slice(2), processFlowContext());
}
