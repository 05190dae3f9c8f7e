/** The `gatehouse` command itself: runs this process's command line. launch.js loads it. */

import { processContext } from "./context.ts";
import { runCommand } from "./program.ts";

// A reader that has seen enough (`gatehouse export | head`) is no failure.
process.stdout.on("error", () => process.exit(0));
process.exitCode = await runCommand(process.argv.slice(2), processContext());
