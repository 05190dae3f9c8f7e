/** `gatehouse host list`: hosts, and how each is monitored. */

import { Command } from "commander";
import { type HostsStanding, liveHouse } from "../../main/live-house.ts";
import { type CommonOptions, loadFor, withCommonOptions } from "../common-options.ts";
import type { CliContext } from "../context.ts";

type Standing = HostsStanding["hosts"][number];

export function listCommand(context: CliContext): Command {
  return withCommonOptions(new Command("list"))
    .description("show hosts: their state, who started their agents, and when they were heard")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      "\nBY: local, ssh, im_mad: started by the house; enrolled: by itself; heard: whoever did; none: not monitored.\n\nExamples:\n  gatehouse host list\n  gatehouse host list --json | jq '.hosts[] | select(.reason)'",
    )
    .action(async (options: CommonOptions & { json?: boolean }) => {
      const { config } = loadFor(context, options);
      const standing = await (await liveHouse(config)).hosts.list();
      context.out(options.json ? `${JSON.stringify(standing)}\n` : textOf(standing));
    });
}

const HEADS = ["ID", "NAME", "STATE", "IM_MAD", "BY", "AGENT", "HEARD", "KEY"];

function textOf({ hosts, refusals }: HostsStanding): string {
  const rows = [HEADS, ...hosts.map(rowOf)];
  const widths = HEADS.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const lines = rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
  const reasons = hosts.flatMap(({ id, reason }) => (reason === null ? [] : [`Host ${id}: ${reason}`]));
  const refused = refusals.map(({ reason, count }) => `${reason} ${count}`).join(", ");
  const rest = refused === "" ? [] : [`Not taken since the house started: ${refused}`];
  return `${[...lines, ...reasons, ...rest].join("\n")}\n`;
}

function rowOf({ id, name, state, imMad, by, agent, heardAgoS, keyId }: Standing): readonly string[] {
  const heard = heardAgoS === null ? "-" : `${heardAgoS} s ago`;
  return [String(id), name, state, imMad, by, agent ?? "-", heard, keyId ?? "-"];
}
