/** `gatehouse token revoke` and `gatehouse token allow`: take a VM's tokens back, and its classic token again. */

import { Command } from "commander";
import { type CommonOptions, withCommonOptions } from "../common-options.ts";
import type { CliContext } from "../context.ts";
import { withHome } from "../with-home.ts";
import { vmIdOf } from "./ids.ts";

export function revokeCommand(context: CliContext): Command {
  return withCommonOptions(new Command("revoke"))
    .description("end the session tokens that a VM has; it may ask for new ones")
    .argument("<vmid>", "the id of the VM")
    .option("--all", "refuse the token of its context, too, until it is allowed again")
    .addHelpText(
      "after",
      "\nIdentity tokens cannot be called back: they end by themselves, after minutes.\n\nExamples:\n  gatehouse token revoke 7\n  gatehouse token revoke 7 --all",
    )
    .action(async (vmid: string, _options: unknown, command: Command) => {
      const options = command.optsWithGlobals<CommonOptions & { all?: boolean }>();
      const vmId = vmIdOf(vmid);
      const all = options.all === true;
      await withHome(context, options, false, (commands) => commands.revokeTokens(vmId, all));
      context.out(
        all
          ? `VM ${vmId} has no valid token any more; gatehouse token allow ${vmId} takes the one of its context again.\n`
          : `The session tokens of VM ${vmId} have ended; the token of its context still counts.\n`,
      );
    });
}

export function allowCommand(context: CliContext): Command {
  return withCommonOptions(new Command("allow"))
    .description("take the token of a VM's context again, after token revoke --all")
    .argument("<vmid>", "the id of the VM")
    .addHelpText("after", "\nExamples:\n  gatehouse token allow 7")
    .action(async (vmid: string, _options: unknown, command: Command) => {
      const options = command.optsWithGlobals<CommonOptions>();
      const vmId = vmIdOf(vmid);
      const changed = await withHome(context, options, false, (commands) => commands.allowToken(vmId));
      context.out(
        changed
          ? `The token of VM ${vmId}'s context counts again; its old session tokens stay ended.\n`
          : `The token of VM ${vmId}'s context was not refused.\n`,
      );
    });
}
