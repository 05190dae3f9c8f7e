/** `gatehouse host`: the agents of hosts: who they are, and who may become one. */

import { Command } from "commander";
import type { CliContext } from "./context.ts";
import { enrollCommand } from "./host/enroll.ts";
import { forgetCommand } from "./host/forget.ts";
import { listCommand } from "./host/list.ts";

export function hostCommand(context: CliContext): Command {
  return new Command("host")
    .description("the agents of hosts, in a house that runs: enroll, list, forget")
    .addHelpText(
      "after",
      "\nExamples:\n  gatehouse host list\n  gatehouse host enroll node1\n  gatehouse host forget node1",
    )
    .addCommand(enrollCommand(context))
    .addCommand(listCommand(context))
    .addCommand(forgetCommand(context));
}
