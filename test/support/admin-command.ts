/** Runs an admin command in this process, on a context of the test's own. */

import { type AdminCommandName, runAdminCommand } from "../../gateway/cli/one/commands.ts";
import type { OneContext } from "../../gateway/cli/one/context.ts";
import { systemClock } from "../../shared/clock.ts";
import type { ScriptedCore } from "./scripted-core.ts";

/** The recordings' own time, and a little. */
export const RECORDED_NOW = 1_795_171_800;

/** A credentials file with alice's password. */
export interface Credentials {
  readonly directory: string;
  readonly file: string;
}

export interface CommandResult {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** `line` is the command line, words apart by blanks. */
export async function runLine(
  core: Pick<ScriptedCore, "endpoint">,
  credentials: Credentials,
  line: readonly string[],
  more: Partial<OneContext> & { readonly input?: string } = {},
): Promise<CommandResult> {
  const out: string[] = [];
  const err: string[] = [];
  const context: OneContext = {
    env: { ONE_XMLRPC: core.endpoint, ONE_AUTH: credentials.file },
    cwd: credentials.directory,
    clock: { ...systemClock, now: () => RECORDED_NOW * 1000 },
    columns: undefined,
    readInput: async () => more.input,
    out: (text) => void out.push(text),
    err: (text) => void err.push(text),
    ...more,
  };
  const [name, ...args] = line;
  const code = await runAdminCommand(name as AdminCommandName, args, context);
  return { code, out: out.join(""), err: err.join("") };
}
