/** The check that stands before a READY report: READY_SCRIPT_PATH, else READY_SCRIPT (spec onegate-cli.md 4). */

import { accessSync, constants, existsSync } from "node:fs";
import type { Clock } from "../../shared/clock.ts";
import { type ChildResult, runChild } from "./child.ts";
import type { Variables } from "./shell-assignments.ts";

/** Scripts wait for slow first boots, but not for ever. */
const MAX_SCRIPT_MS = 3_600_000;
/** Linux carries at most 128 KiB in one variable, and a context may hold more. */
const MAX_VARIABLE_LENGTH = 30_000;

/** undefined: nothing to check first. */
export type ReadyScript = { readonly command: string; readonly args: readonly string[] } | undefined;

/** What the variables ask to be run; "missing" when READY_SCRIPT_PATH names no file. */
export function readyScript({
  READY_SCRIPT_PATH: path,
  READY_SCRIPT: text,
}: Variables): ReadyScript | "missing" {
  if (path) {
    if (!existsSync(path)) return "missing";
    return isExecutable(path) ? { command: path, args: [] } : { command: shell(), args: [path] };
  }
  if (text) return { command: shell(), args: ["-c", plainScript(text)] };
  return undefined;
}

/** Its output goes where this command's goes. */
export async function runReadyScript(
  check: NonNullable<ReadyScript>,
  env: Variables,
  clock: Clock,
  stop: AbortSignal,
): Promise<ChildResult> {
  const carried = Object.entries(env).filter(([, value]) => (value?.length ?? 0) <= MAX_VARIABLE_LENGTH);
  return await runChild(check.command, check.args, {
    env: Object.fromEntries(carried),
    timeoutMs: MAX_SCRIPT_MS,
    clock,
    stop,
  });
}

/**
 * The script in plain text. Base64 is taken for such only when it is whole, and text comes out: `true` and `date` are
 * words of that alphabet, too.
 */
export function plainScript(text: string): string {
  const packed = text.replace(/[\r\n]/g, "");
  if (packed.length % 4 !== 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(packed)) return text;
  const bytes = Buffer.from(packed, "base64");
  const decoded = bytes.toString("utf8");
  const isText = Buffer.from(decoded, "utf8").equals(bytes) && !/[^\P{Cc}\t\r\n]/u.test(decoded);
  return isText ? decoded : text;
}

/** The original's context scripts are bash where there is one. */
function shell(): string {
  return existsSync("/bin/bash") ? "/bin/bash" : "/bin/sh";
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
