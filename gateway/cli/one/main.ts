/** An admin command of this process's command line. launch.js loads it, and tells by which name it was called. */

import { isAdminCommandName, runAdminCommand } from "./commands.ts";
import { processOneContext } from "./context.ts";

/** @throws Error for a name that is no admin command: the package itself is broken then. */
export async function main(name: string): Promise<void> {
  if (!isAdminCommandName(name)) throw new Error(`${name} is no command of this package`);
  // A reader that has seen enough (`onevm list | head`) is no failure.
  process.stdout.on("error", () => process.exit(0));
  process.exitCode = await runAdminCommand(name, process.argv.slice(2), processOneContext());
}
