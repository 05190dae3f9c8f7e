/** `gatehouse token VMID`: prints the classic token that a VM's context carries. */

import { Command } from "commander";
import { GatehouseError } from "../../shared/errors.ts";
import { type CommonOptions, withCommonOptions } from "./common-options.ts";
import type { CliContext } from "./context.ts";
import { withHome } from "./with-home.ts";

export function tokenCommand(context: CliContext): Command {
  return withCommonOptions(new Command("token"))
    .description("print the token of a VM, as its context carries it")
    .argument("<vmid>", "the id of the VM")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      '\nExamples:\n  gatehouse token 0\n  curl -H "X-ONEGATE-VMID: 0" -H "X-ONEGATE-TOKEN: $(gatehouse token 0)" http://127.0.0.1:5030/vm',
    )
    .action(async (vmid: string, options: CommonOptions & { json?: boolean }) => {
      const vmId = vmIdOf(vmid);
      const token = await withHome(context, options, false, (commands) => commands.token(vmId));
      context.out(options.json ? `${JSON.stringify({ vm: vmId, token })}\n` : `${token}\n`);
    });
}

function vmIdOf(text: string): number {
  if (/^\d{1,10}$/.test(text)) return Number(text);
  throw new GatehouseError("bad_request", `"${text}" is no VM id; it is a whole number such as 0.`);
}
