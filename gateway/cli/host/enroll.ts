/** `gatehouse host enroll HOST`: a one-time code that makes the agent of a host known, and the command to give it to. */

import { Command } from "commander";
import { liveHouse, MAX_CODE_LIFETIME_MS } from "../../main/live-house.ts";
import { type CommonOptions, loadFor, withCommonOptions } from "../common-options.ts";
import type { CliContext } from "../context.ts";
import { parseDuration } from "../duration.ts";

const DEFAULT_LIFETIME = "15m";

interface EnrollOptions extends CommonOptions {
  readonly ttl: string;
  readonly json?: boolean;
}

export function enrollCommand(context: CliContext): Command {
  return withCommonOptions(new Command("enroll"))
    .description("print a one-time code for the agent of a host, and the command to run there")
    .argument("<host>", "the host's name or id")
    .option("--ttl <duration>", "how long the code lives: 90s, 15m, 2h; at most 1d", DEFAULT_LIFETIME)
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      "\nThe agent that enrols takes the place of any other of that host.\n\nExamples:\n  gatehouse host enroll node1\n  gatehouse host enroll 3 --ttl 1h",
    )
    .action(async (host: string, options: EnrollOptions) => {
      const lifetimeMs = parseDuration(options.ttl, MAX_CODE_LIFETIME_MS);
      const { config } = loadFor(context, options);
      const { hosts } = await liveHouse(config);
      const { id, name, code, until, daemon, loopbackOnly } = await hosts.enrol(host, lifetimeMs);
      const command = `gatehouse-agent enroll --daemon ${daemon} --code ${code}`;
      const ends = new Date(until).toISOString();
      if (options.json) {
        context.out(`${JSON.stringify({ id, name, code, until: ends, daemon, command })}\n`);
        return;
      }
      const warning = loopbackOnly
        ? "The daemon listens on this machine alone: set monitor.host for agents of others.\n"
        : "";
      context.out(`On ${name} (host ${id}), once, before ${ends}:\n  ${command}\n${warning}`);
    });
}
