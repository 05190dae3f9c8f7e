/** The commands of OneFlow by name, and how a command line of one becomes an exit code. */

import { type Command, CommanderError } from "commander";
import { errorText } from "../../../shared/errors.ts";
import { CoreError } from "../../../shared/xmlrpc/core-error.ts";
import { printable } from "../one/format.ts";
import { objectProgram } from "../one/object-program.ts";
import { FlowRefusal } from "./client.ts";
import { FlowAlreadyTold, type FlowDesk } from "./command/desk.ts";
import { addServiceCommands } from "./command/oneflow.ts";
import { addTemplateCommands } from "./command/oneflow-template.ts";
import type { FlowContext } from "./context.ts";
import { type FlowKind, SERVICE, SERVICE_TEMPLATE } from "./kind.ts";

/** OpenNebula's commands end with -1 where no status of HTTP tells more. */
const FAILED = 255;

interface FlowCommand {
  readonly kind: FlowKind;
  readonly summary: string;
  readonly add: (desk: FlowDesk) => void;
}

const COMMANDS = {
  oneflow: { kind: SERVICE, summary: "services: applications of many VMs", add: addServiceCommands },
  "oneflow-template": {
    kind: SERVICE_TEMPLATE,
    summary: "the templates that services are made of",
    add: addTemplateCommands,
  },
} as const satisfies Record<string, FlowCommand>;

export type FlowCommandName = keyof typeof COMMANDS;

export const FLOW_COMMAND_NAMES = Object.keys(COMMANDS) as readonly FlowCommandName[];

export function isFlowCommandName(name: string): name is FlowCommandName {
  return Object.hasOwn(COMMANDS, name);
}

/** Runs one command line and resolves with its exit code: 0, the status modulo 256, or 255; never rejects. */
export async function runFlowCommand(
  name: FlowCommandName,
  args: readonly string[],
  context: FlowContext,
): Promise<number> {
  try {
    await programOf(name, context).parseAsync(oneSpelling(args), { from: "user" });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : FAILED;
    if (error instanceof FlowAlreadyTold) return error.exitCode;
    // The server's words, and the core's, stand alone, so that they can be searched for.
    const isTheirs = error instanceof FlowRefusal || error instanceof CoreError;
    context.err(`${isTheirs ? "" : `${name}: `}${printable(errorText(error))}\n`);
    return error instanceof FlowRefusal ? error.exitCode : FAILED;
  }
}

/** Newer releases write `service action`, in two words. */
function oneSpelling([first, second, ...rest]: readonly string[]): string[] {
  if (first === "service" && second === "action") return ["service-action", ...rest];
  return [first, second, ...rest].filter((word) => word !== undefined);
}

function programOf(name: FlowCommandName, context: FlowContext): Command {
  const { kind, summary, add }: FlowCommand = COMMANDS[name];
  const program = objectProgram({ name, description: `Manages ${summary}.`, notes: NOTES }, context);
  add({ context, kind, program });
  return program;
}

const NOTES = `ONEFLOW_URL is the server (the house in GATEHOUSE_HOME or ./var, ~/.one/oneflow_endpoint, or http://localhost:2474);
ONEFLOW_USER and ONEFLOW_PASSWORD say who asks (or ONE_AUTH, ~/.one/one_auth, or the one_auth of the house).
Exit codes: 0 success; the HTTP status modulo 256 where the server refuses (148: not found); 255 anything else.`;
