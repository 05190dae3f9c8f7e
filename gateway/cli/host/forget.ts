/** `gatehouse host forget HOST`: takes the key of a host's agent away. */

import { Command } from "commander";
import { liveHouse } from "../../main/live-house.ts";
import { type CommonOptions, loadFor, withCommonOptions } from "../common-options.ts";
import type { CliContext } from "../context.ts";

export function forgetCommand(context: CliContext): Command {
  return withCommonOptions(new Command("forget"))
    .description("take the key of a host's agent away, and a code that waits for one")
    .argument("<host>", "the host's name or id")
    .addHelpText("after", "\nExamples:\n  gatehouse host forget node1")
    .action(async (host: string, options: CommonOptions) => {
      const { config } = loadFor(context, options);
      const { hosts } = await liveHouse(config);
      const forgotten = await hosts.forget(host);
      context.out(
        forgotten
          ? `Host ${host}'s agent is heard no more; gatehouse host enroll ${host} lets another in.\n`
          : `No agent of host ${host} was enrolled.\n`,
      );
    });
}
