/** `gatehouse import FILE`: loads a world into an empty home. */

import { resolve } from "node:path";
import { Command } from "commander";
import { type CommonOptions, withCommonOptions } from "./common-options.ts";
import type { CliContext } from "./context.ts";
import { withHome } from "./with-home.ts";
import { readWorldFile } from "./world-file.ts";

export function importCommand(context: CliContext): Command {
  return withCommonOptions(new Command("import"))
    .description("load a world into a home that holds only what its first start made")
    .argument("<file>", "a world's JSON, as gatehouse export writes it; - for standard input")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      "\nExamples:\n  gatehouse import world.json\n  gatehouse import --home /srv/gatehouse - < world.json",
    )
    .action(async (file: string, options: CommonOptions & { json?: boolean }) => {
      const text = readWorldFile(file === "-" ? file : resolve(context.cwd, file));
      await withHome(context, options, true, (commands) => commands.importWorld(text));
      context.out(options.json ? `${JSON.stringify({ imported: file })}\n` : `Imported ${file}.\n`);
    });
}
