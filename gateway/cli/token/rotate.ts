/** `gatehouse token rotate USER`: a new TOKEN_PASSWORD, the old one counting for a while. */

import { Command } from "commander";
import { MAX_GRACE_MS } from "../../main/reach-home.ts";
import { type CommonOptions, withCommonOptions } from "../common-options.ts";
import type { CliContext } from "../context.ts";
import { parseDuration } from "../duration.ts";
import { withHome } from "../with-home.ts";

const DEFAULT_GRACE = "7d";

export function rotateCommand(context: CliContext): Command {
  return withCommonOptions(new Command("rotate"))
    .description("give a user a new TOKEN_PASSWORD, which signs the tokens of the VMs that the user makes")
    .argument("<user>", "the user's name or id")
    .option(
      "--grace <duration>",
      "how long tokens of the old one count: 30m, 12h, 7d; 0 ends them at once",
      DEFAULT_GRACE,
    )
    .addHelpText(
      "after",
      "\nA VM gets its new token when its context is built again: at its next boot.\n\nExamples:\n  gatehouse token rotate alice\n  gatehouse token rotate alice --grace 12h\n  gatehouse token rotate alice --grace 0",
    )
    .action(async (user: string, _options: unknown, command: Command) => {
      const options = command.optsWithGlobals<CommonOptions & { grace: string }>();
      const graceMs = parseDuration(options.grace, MAX_GRACE_MS);
      const rotated = await withHome(context, options, false, (commands) =>
        commands.rotateTokenPassword(user, graceMs),
      );
      const rest =
        graceMs === 0
          ? "tokens of earlier ones have ended"
          : `tokens of the old one count until ${new Date(rotated.until).toISOString()}`;
      context.out(`${rotated.user} has a new TOKEN_PASSWORD; ${rest}.\n`);
    });
}
