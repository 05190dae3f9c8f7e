/** The program that a command for one kind of objects is, before its sub-commands are added. */

import { Command } from "commander";
import { packageVersion } from "../version.ts";
import type { OneContext } from "./context.ts";

export interface ObjectProgram {
  /** The command: `onevm`. */
  readonly name: string;
  readonly description: string;
  /** Where the server and the credentials are found, and what the exit codes mean. */
  readonly notes: string;
}

/** Writes to the context, and throws commander's error where it would end the process. */
export function objectProgram({ name, description, notes }: ObjectProgram, context: OneContext): Command {
  return new Command(name)
    .description(description)
    .version(packageVersion(), "-V, --version", "print the version")
    .exitOverride()
    .configureOutput({ writeOut: context.out, writeErr: context.err })
    .showSuggestionAfterError()
    .showHelpAfterError(`Try ${name} --help, or ${name} COMMAND --help.`)
    .allowExcessArguments(false)
    .addHelpText(
      "after",
      `\nObjects are named by id or name, several as 0..3 or 1,4.\n${notes}\n${examples(name)}`,
    );
}

function examples(name: string): string {
  return `\nExamples:\n  ${name} list\n  ${name} show 0\n  ${name} list --help`;
}
