/** `gatehouse export [FILE]`: writes everything a home holds as a world. */

import { lstatSync } from "node:fs";
import { resolve } from "node:path";
import { Command } from "commander";
import { errorText, GatehouseError } from "../../shared/errors.ts";
import { writePrivateFile } from "../main/files.ts";
import { type CommonOptions, withCommonOptions } from "./common-options.ts";
import type { CliContext } from "./context.ts";
import { withHome } from "./with-home.ts";

export function exportCommand(context: CliContext): Command {
  return withCommonOptions(new Command("export"))
    .description("write everything as a world: JSON with secrets in it, so a file gets mode 0600")
    .argument("[file]", "where to; standard output when missing")
    .addHelpText(
      "after",
      "\nExamples:\n  gatehouse export world.json\n  gatehouse export | jq '.vms | length'",
    )
    .action(async (file: string | undefined, options: CommonOptions) => {
      const text = await withHome(context, options, false, (commands) => commands.exportWorld());
      if (file === undefined) context.out(text);
      else writeFile(resolve(context.cwd, file), text);
    });
}

function writeFile(file: string, text: string): void {
  const there = lstatSync(file, { throwIfNoEntry: false });
  // It is renamed into place, which would put a file where a device, a link or a directory was.
  if (there !== undefined && !there.isFile()) {
    throw new GatehouseError(
      "bad_request",
      `${file} is no ordinary file: name another, or none for standard output.`,
    );
  }
  try {
    writePrivateFile(file, text);
  } catch (error) {
    throw new GatehouseError("bad_request", `${file} cannot be written: ${errorText(error)}.`, {
      cause: error,
    });
  }
}
