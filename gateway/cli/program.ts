/** The `gatehouse` command: its sub-commands, and how their errors become exit codes. */

import { Command, CommanderError } from "commander";
import { EXIT_CODE, errorText, isGatehouseError } from "../../shared/errors.ts";
import { checkCommand } from "./check.ts";
import type { CliContext } from "./context.ts";
import { demoCommand } from "./demo.ts";
import { exportCommand } from "./export.ts";
import { hostCommand } from "./host.ts";
import { importCommand } from "./import.ts";
import { metricsCommand } from "./metrics.ts";
import { tokenCommand } from "./token.ts";
import { topCommand } from "./top.ts";
import { upCommand } from "./up.ts";
import { packageVersion } from "./version.ts";

const USAGE_EXIT_CODE = 2;

/** Runs one command line and resolves with its exit code; never rejects. */
export async function runCommand(args: readonly string[], context: CliContext): Promise<number> {
  try {
    await programOf(context).parseAsync([...args], { from: "user" });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE_EXIT_CODE;
    context.err(`gatehouse: ${errorText(error)}\n`);
    return isGatehouseError(error) ? EXIT_CODE[error.code] : EXIT_CODE.internal;
  }
}

function programOf(context: CliContext): Command {
  const program = new Command("gatehouse")
    .description(
      "OneGate, OneFlow and monitoring of an OpenNebula cloud: alone on one machine, or beside the real thing",
    )
    .version(packageVersion(), "-V, --version", "print the version")
    .showSuggestionAfterError()
    .showHelpAfterError("Try gatehouse --help, or gatehouse COMMAND --help.")
    .addHelpText(
      "after",
      "\nExit codes: 0 success, 1 the house failed, 2 the caller erred.\nEvery setting has an environment variable, GATEHOUSE_<SECTION>_<KEY>; gatehouse check lists the settings.",
    );
  const commands = [
    upCommand,
    demoCommand,
    checkCommand,
    tokenCommand,
    hostCommand,
    importCommand,
    exportCommand,
    metricsCommand,
    topCommand,
  ];
  for (const make of commands) program.addCommand(make(context));
  for (const command of withSubcommands(program)) {
    command.exitOverride().configureOutput({ writeOut: context.out, writeErr: context.err });
    command.allowExcessArguments(false);
  }
  return program;
}

/** The command, and all below it. */
function withSubcommands(command: Command): readonly Command[] {
  return [command, ...command.commands.flatMap(withSubcommands)];
}
