/** `gatehouse-agent probe`: runs probes once, and shows what would be sent. */

import { PROBE_GROUPS, type ProbeGroup } from "../../probes/probe.ts";
import { type Clock, epochSeconds } from "../../shared/clock.ts";
import { GatehouseError } from "../../shared/errors.ts";
import { groupProbes } from "./agent.ts";
import { composeRound, readRound } from "./compose.ts";
import { type AgentSettings, MESSAGE_OF_GROUP } from "./settings.ts";

export interface ProbeCommand {
  readonly settings: AgentSettings;
  /** `host`, `vm/status`; undefined: all groups. */
  readonly path: string | undefined;
  readonly json: boolean;
  readonly clock: Clock;
  readonly random: () => number;
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
}

/** Whether every probe succeeded. @throws GatehouseError `bad_request` for a path that names no group. */
export async function probeOnce(command: ProbeCommand): Promise<boolean> {
  const { settings, clock, random } = command;
  let succeeded = true;
  for (const group of groupsIn(command.path)) {
    const type = MESSAGE_OF_GROUP[group];
    const probes = groupProbes(settings, group, { clock, random, periodMs: settings.periods[type] * 1000 });
    const outcome = await probes.round(new AbortController().signal);
    const head = { oid: settings.hostId, timestamp: epochSeconds(clock) };
    const read = readRound(type, head, outcome);
    succeeded &&= read.failures.length === 0;
    for (const failure of read.failures) command.err(`${failure}\n`);
    if (command.json) {
      for (const message of composeRound(type, head, read)) command.out(`${JSON.stringify(message)}\n`);
    } else if (outcome.told.length > 0) {
      const text = outcome.told.map((told) => told.text.trimEnd()).join("\n");
      command.out(`# ${group}: ${type}\n${text}\n`);
    }
  }
  return succeeded;
}

function groupsIn(path: string | undefined): readonly ProbeGroup[] {
  const wanted = path?.replace(/\/+$/, "");
  const groups = PROBE_GROUPS.filter(
    (group) => wanted === undefined || group === wanted || group.startsWith(`${wanted}/`),
  );
  if (groups.length > 0) return groups;
  throw new GatehouseError(
    "bad_request",
    `There are no probes at ${JSON.stringify(path)}: host, vm, ${PROBE_GROUPS.join(", ")} are allowed.`,
  );
}
