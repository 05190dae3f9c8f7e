/** How a guest's processes begin: its init, its start script, its environment. */

import { constants } from "node:os";
import { GatehouseError } from "../../../../shared/errors.ts";
import type { ContextFiles } from "../driver.ts";

/**
 * The init, leader of the guest's session; its arguments are the command to run. It waits for a word from the house,
 * which first notes who it is: without the word (the house died in between) it ends, so no guest ever runs unknown
 * and a second time. A SIGTERM waits for the command to end; once that ended with 0, the init stays as a mere `sleep`
 * (68 years: not every one knows `infinity`), as a guest stays up after its boot scripts.
 */
export const INIT_SCRIPT = `#!/bin/sh
IFS= read -r gatehouse_word || exit 0
[ "$gatehouse_word" = start ] || exit 0
unset gatehouse_word
exec </dev/null
if [ $# -gt 0 ]; then
  trap 'exit 0' TERM
  "$@" || exit $?
  trap - TERM
fi
exec sleep 2147483647
`;

/** What the init waits for on its standard input. */
export const INIT_WORD = "start\n";

export const MAX_START_SCRIPT_BYTES = 4 * 1024 * 1024;

/** Linux takes 128 KiB an entry; together they must leave room for the guest's own. What is longer is in context.sh only. */
const MAX_ENVIRONMENT_ENTRY_BYTES = 64 * 1024;
const MAX_ENVIRONMENT_BYTES = 512 * 1024;

export const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/**
 * The text of CONTEXT/START_SCRIPT, or of START_SCRIPT_BASE64 where the first is empty; undefined when there is none.
 * @throws GatehouseError `bad_request` for text that is not base64, `too_large` above 4 MiB.
 */
export function startScript(variables: ContextFiles["variables"]): Buffer | undefined {
  const { START_SCRIPT: plain, START_SCRIPT_BASE64: encoded } = variables;
  const script = plain ? Buffer.from(plain) : encoded ? decoded(encoded) : undefined;
  if (script !== undefined && script.length > MAX_START_SCRIPT_BYTES) {
    throw new GatehouseError(
      "too_large",
      `The start script has ${script.length} bytes; at most ${MAX_START_SCRIPT_BYTES} are allowed.`,
    );
  }
  return script;
}

function decoded(text: string): Buffer {
  const compact = text.replace(/\s/g, "");
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(compact)) {
    throw new GatehouseError("bad_request", "CONTEXT/START_SCRIPT_BASE64 is not base64 text.");
  }
  return Buffer.from(compact, "base64");
}

/** The init's arguments: a script with a shebang runs itself, any other is for the shell. */
export function startCommand(script: Buffer | undefined, path: string): readonly string[] {
  if (script === undefined) return [];
  return script.subarray(0, 2).toString("latin1") === "#!" ? [path] : ["/bin/sh", path];
}

export interface GuestPlaces {
  readonly contextDir: string;
  readonly homeDir: string;
  readonly tmpDir: string;
}

/**
 * The guest's whole environment: the context variables and TOKENTXT, as one_env has them (spec onegate-cli.md 1), and
 * the house's own names, which win. Nothing of the server's environment passes.
 */
export function guestEnvironment(
  { variables, tokenTxt }: ContextFiles,
  { contextDir, homeDir, tmpDir }: GuestPlaces,
  path: string,
): Record<string, string> {
  const token = variables.ONEGATE_TOKEN || tokenTxt?.trimEnd();
  return {
    ...fitting(variables),
    ...(token ? { TOKENTXT: token } : {}),
    CONTEXT_DIR: contextDir,
    PATH: path,
    HOME: homeDir,
    TMPDIR: tmpDir,
    LANG: "C.UTF-8",
  };
}

function fitting(variables: ContextFiles["variables"]): Record<string, string> {
  const kept: Record<string, string> = {};
  let total = 0;
  for (const [name, value] of Object.entries(variables)) {
    const size = Buffer.byteLength(name) + Buffer.byteLength(value) + 2;
    if (size > MAX_ENVIRONMENT_ENTRY_BYTES || total + size > MAX_ENVIRONMENT_BYTES) continue;
    kept[name] = value;
    total += size;
  }
  return kept;
}

/** Why a guest ended, from how its init did; codes above 128 are the shell's for a script that a signal ended. */
export function exitSentence(code: number | null, signal: NodeJS.Signals | null): string {
  if (signal !== null) return `The guest was killed by ${signal}.`;
  if (code === null || code === 0) return "The guest ended by itself.";
  const killer = Object.entries(constants.signals).find(([, number]) => number === code - 128)?.[0];
  return killer === undefined
    ? `The start script ended with exit code ${code}.`
    : `The start script was killed by ${killer}.`;
}
