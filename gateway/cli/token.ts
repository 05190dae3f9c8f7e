/** `gatehouse token VMID`: prints the classic token that a VM's context carries; below it, what else is done to tokens. */

import { Command } from "commander";
import { type CommonOptions, withCommonOptions } from "./common-options.ts";
import type { CliContext } from "./context.ts";
import { vmIdOf } from "./token/ids.ts";
import { listCommand } from "./token/list.ts";
import { allowCommand, revokeCommand } from "./token/revoke.ts";
import { rotateCommand } from "./token/rotate.ts";
import { withHome } from "./with-home.ts";

export function tokenCommand(context: CliContext): Command {
  const command = withCommonOptions(new Command("token"))
    .description("print the token of a VM, as its context carries it; or revoke, allow, rotate, list")
    .argument("<vmid>", "the id of the VM")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      '\nExamples:\n  gatehouse token 0\n  gatehouse token revoke 7 --all\n  gatehouse token rotate alice --grace 12h\n  gatehouse token list\n  curl -H "X-ONEGATE-VMID: 0" -H "X-ONEGATE-TOKEN: $(gatehouse token 0)" http://127.0.0.1:5030/vm',
    )
    .action(async (vmid: string, options: CommonOptions & { json?: boolean }) => {
      const vmId = vmIdOf(vmid);
      const token = await withHome(context, options, false, (commands) => commands.token(vmId));
      context.out(options.json ? `${JSON.stringify({ vm: vmId, token })}\n` : `${token}\n`);
    });
  for (const make of [revokeCommand, allowCommand, rotateCommand, listCommand]) {
    command.addCommand(make(context));
  }
  return command.helpCommand(false).enablePositionalOptions();
}
