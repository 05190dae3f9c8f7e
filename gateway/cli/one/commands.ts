/** The admin commands by name, and how a command line of one becomes an exit code. */

import { type Command, CommanderError } from "commander";
import { errorText } from "../../../shared/errors.ts";
import { CoreError } from "../../../shared/xmlrpc/core-error.ts";
import { AlreadyTold } from "./already-told.ts";
import type { Desk } from "./command/desk.ts";
import { addGroupCommands } from "./command/onegroup.ts";
import { addHostCommands } from "./command/onehost.ts";
import { addTemplateCommands } from "./command/onetemplate.ts";
import { addUserCommands } from "./command/oneuser.ts";
import { addVmCommands } from "./command/onevm.ts";
import { addVnetCommands } from "./command/onevnet.ts";
import { addVntemplateCommands } from "./command/onevntemplate.ts";
import { addVrouterCommands } from "./command/onevrouter.ts";
import type { OneContext } from "./context.ts";
import { printable } from "./format.ts";
import { GROUP, HOST, type Kind, TEMPLATE, USER, VM, VNET, VNTEMPLATE, VROUTER } from "./kind.ts";
import { objectProgram } from "./object-program.ts";

/** OpenNebula's commands end with -1, whatever failed; scripts test for it. */
const FAILED = 255;

interface AdminCommand {
  readonly kind: Kind;
  readonly summary: string;
  readonly add: (desk: Desk) => void;
}

const COMMANDS = {
  onevm: { kind: VM, summary: "virtual machines", add: addVmCommands },
  onehost: { kind: HOST, summary: "the hosts that run virtual machines", add: addHostCommands },
  onetemplate: { kind: TEMPLATE, summary: "templates of virtual machines", add: addTemplateCommands },
  onevnet: { kind: VNET, summary: "virtual networks", add: addVnetCommands },
  onevntemplate: { kind: VNTEMPLATE, summary: "templates of virtual networks", add: addVntemplateCommands },
  oneuser: { kind: USER, summary: "users", add: addUserCommands },
  onegroup: { kind: GROUP, summary: "groups of users", add: addGroupCommands },
  onevrouter: { kind: VROUTER, summary: "virtual routers", add: addVrouterCommands },
} as const satisfies Record<string, AdminCommand>;

export type AdminCommandName = keyof typeof COMMANDS;

export const ADMIN_COMMAND_NAMES = Object.keys(COMMANDS) as readonly AdminCommandName[];

export function isAdminCommandName(name: string): name is AdminCommandName {
  return Object.hasOwn(COMMANDS, name);
}

/** Runs one command line and resolves with its exit code, 0 or 255; never rejects. */
export async function runAdminCommand(
  name: AdminCommandName,
  args: readonly string[],
  context: OneContext,
): Promise<number> {
  try {
    await programOf(name, context).parseAsync([...args], { from: "user" });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : FAILED;
    // The core's words stand alone, so that they can be searched for.
    if (error instanceof CoreError) context.err(`${printable(error.message)}\n`);
    else if (!(error instanceof AlreadyTold)) context.err(`${name}: ${printable(errorText(error))}\n`);
    return FAILED;
  }
}

function programOf(name: AdminCommandName, context: OneContext): Command {
  const { kind, summary, add }: AdminCommand = COMMANDS[name];
  const description = `Manages ${summary}, of this house or of any OpenNebula.`;
  const program = objectProgram({ name, description, notes: NOTES }, context);
  add({ context, kind, program });
  return program;
}

const NOTES = `ONE_XMLRPC is the endpoint (the house in GATEHOUSE_HOME or ./var, or http://localhost:2633/RPC2);
ONE_AUTH is a file with user:password (~/.one/one_auth, or the one_auth of the house).
Exit codes: 0 success, 255 anything else.`;
