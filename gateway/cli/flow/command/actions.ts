/** Actions on the VMs of a role, or of a whole service: at once, or a few every so many seconds. */

import type { Command } from "commander";
import { GatehouseError } from "../../../../shared/errors.ts";
import { nearest } from "../../../../shared/nearest.ts";
import { type CommonOptions, type FlowDesk, perform, resolveFlowId, subCommand, withClient } from "./desk.ts";

/** Spec oneflow-api.md 3. */
const ACTIONS: readonly string[] = [
  ...["terminate", "terminate-hard", "undeploy", "undeploy-hard", "hold", "release", "stop", "suspend"],
  ...["resume", "reboot", "reboot-hard", "poweroff", "poweroff-hard"],
  ...["snapshot-create", "snapshot-revert", "snapshot-delete"],
  ...["disk-snapshot-create", "disk-snapshot-revert", "disk-snapshot-delete"],
];
/** Of seed 002, which a role still takes. */
const OLDER_ROLE_ACTIONS: readonly string[] = [
  "shutdown",
  "shutdown-hard",
  "delete",
  "boot",
  "delete-recreate",
];

interface ActionOptions extends CommonOptions {
  readonly period?: string;
  readonly number?: string;
  readonly args?: string;
}

export function addActions(desk: FlowDesk): void {
  withActionOptions(
    subCommand(desk, {
      syntax: "action <id> <role> <action>",
      summary: "do something to the VMs of a role",
      examples: ["action 5 worker suspend", "action web worker reboot --period 300 --number 2"],
      periodIsP: true,
    }),
  ).action((text: string, role: string, action: string, options: ActionOptions) =>
    act(desk, text, role, action, options),
  );
  const serviceExamples = ["suspend", "reboot --period 300 --number 2"];
  withActionOptions(
    subCommand(desk, {
      syntax: "service-action <id> <action>",
      summary: "do something to the VMs of all roles",
      examples: serviceExamples.map((each) => `service-action 5 ${each}`),
      periodIsP: true,
    }),
  ).action((text: string, action: string, options: ActionOptions) =>
    act(desk, text, undefined, action, options),
  );
  subCommand(desk, {
    syntax: "sched-delete <id> <role> [action-id]",
    summary: "take a scheduled action from the VMs of a role; without a role, of all roles",
    examples: ["sched-delete 5 worker 0", "sched-delete 5 0"],
  }).action((text: string, role: string, action: string | undefined, options: CommonOptions) =>
    action === undefined
      ? unschedule(desk, text, undefined, role, options)
      : unschedule(desk, text, role, action, options),
  );
}

function withActionOptions(command: Command): Command {
  return command
    .option("-p, --period <seconds>", "time between groups of VMs")
    .option("-n, --number <count>", "VMs in a group")
    .option("--args <text>", "arguments, such as the name of a snapshot; commas between them")
    .addHelpText("after", `\nActions:\n  ${ACTIONS.join(", ")}`);
}

async function act(
  desk: FlowDesk,
  text: string,
  role: string | undefined,
  action: string,
  options: ActionOptions,
): Promise<void> {
  requireAction(action, role);
  const params = {
    ...(options.period === undefined ? {} : { period: whole("--period", options.period) }),
    ...(options.number === undefined ? {} : { number: whole("--number", options.number) }),
    ...(options.args === undefined ? {} : { args: options.args }),
  };
  await withClient(desk, options, async (client) => {
    const id = await resolveFlowId(desk, client, text);
    const target = role === undefined ? id : `${id}/role/${encodeURIComponent(role)}`;
    await perform(desk, client, target, action, params);
  });
}

async function unschedule(
  desk: FlowDesk,
  text: string,
  role: string | undefined,
  action: string,
  options: CommonOptions,
): Promise<void> {
  if (!/^\d{1,10}$/.test(action))
    throw new GatehouseError("bad_request", "Scheduled action ID must be an integer number");
  await withClient(desk, options, async (client) => {
    const id = await resolveFlowId(desk, client, text);
    const target = role === undefined ? id : `${id}/role/${encodeURIComponent(role)}`;
    await client.send("DELETE", `/service/${target}/sched_action/${action}`);
  });
}

function requireAction(action: string, role: string | undefined): void {
  if (ACTIONS.includes(action) || (role !== undefined && OLDER_ROLE_ACTIONS.includes(action))) return;
  const meant = nearest(action, ACTIONS);
  throw new GatehouseError(
    "bad_request",
    `Action '${action}' is not supported${meant === undefined ? "" : ` (did you mean ${meant}?)`}. ` +
      `Supported actions: ${ACTIONS.join(", ")}`,
  );
}

function whole(option: string, text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new GatehouseError("bad_request", `${option} is "${text}"; it is a whole number.`);
}
