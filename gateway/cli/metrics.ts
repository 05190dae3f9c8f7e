/** `gatehouse metrics`: prints the metrics of the house that runs. */

import { Command } from "commander";
import { liveHouse } from "../main/live-house.ts";
import { type CommonOptions, loadFor, withCommonOptions } from "./common-options.ts";
import type { CliContext } from "./context.ts";

export function metricsCommand(context: CliContext): Command {
  return withCommonOptions(new Command("metrics"))
    .description("print the metrics of the house that runs, as Prometheus reads them")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      "\nExamples:\n  gatehouse metrics | grep requests_total\n  gatehouse metrics --json | jq '.[] | select(.name == \"gatehouse_vms\")'",
    )
    .action(async (options: CommonOptions & { json?: boolean }) => {
      const house = await liveHouse(loadFor(context, options).config);
      const text = options.json ? await house.metricsJson() : await house.metrics();
      context.out(text.endsWith("\n") ? text : `${text}\n`);
    });
}
