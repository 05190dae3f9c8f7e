/** Runs a program of the machine to its end, with a time-out and little of its output kept. */

import { type ChildProcess, spawn } from "node:child_process";
import { accessSync, constants, statSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "../../../../shared/clock.ts";
import { GatehouseError } from "../../../../shared/errors.ts";
import { killGroup } from "../../../../shared/process-group.ts";

export interface ToolRun {
  readonly program: string;
  readonly arguments: readonly string[];
  readonly clock: Clock;
  readonly timeoutMs: number;
  /** The user it runs as; undefined: the house's. */
  readonly uid?: number | undefined;
  readonly cwd?: string;
}

/** Tools are found where every system keeps them; nothing else of the house's environment is theirs. */
export const TOOL_ENVIRONMENT = {
  PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  LANG: "C.UTF-8",
};

const MAX_KEPT_CHARACTERS = 2_000;
const MAX_SHOWN_CHARACTERS = 300;

/**
 * Resolves when it has ended well. A program that does not even die is left to itself.
 * @throws GatehouseError `unavailable`, with the end of what it said, when it cannot be run, fails or takes too long.
 */
export async function runTool(run: ToolRun): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const fail = (what: string): void => reject(new GatehouseError("unavailable", `${run.program} ${what}.`));
  const child = start(run);
  let said = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    said = (said + text).slice(-MAX_KEPT_CHARACTERS);
  });
  const stopTimer = run.clock.after(run.timeoutMs, () => {
    killGroup(child.pid);
    child.unref();
    child.stderr?.destroy();
    fail(`did not end within ${run.timeoutMs} ms`);
  });
  child.once("error", (error) => fail(`cannot be run: ${error.message}`));
  child.once("close", (code, signal) => {
    if (code === 0) resolve();
    else fail(`ended with ${signal ?? `code ${code}`}${said ? `: ${lastLine(said)}` : ""}`);
  });
  try {
    await promise;
  } finally {
    stopTimer();
  }
}

function start({ program, arguments: given, uid, cwd }: ToolRun): ChildProcess {
  return spawn(program, [...given], {
    detached: true,
    stdio: ["ignore", "ignore", "pipe"],
    env: TOOL_ENVIRONMENT,
    cwd: cwd ?? "/",
    ...(uid === undefined ? {} : { uid, gid: uid }),
  });
}

/** Control characters, those that turn or hide text around them, halves of pairs, and what has no meaning. */
const NOT_SHOWN = /[\p{C}\p{Zl}\p{Zp}]/gu;

/** The last line with something on it, of what can be shown: what a program, or a guest, says ends up in logs and terminals. */
export function lastLine(text: string): string {
  const lines = text.split(/[\r\n]+/).map((line) => line.replace(NOT_SHOWN, "").trim());
  const last = (lines.filter(Boolean).at(-1) ?? "").slice(0, MAX_SHOWN_CHARACTERS);
  return last.replace(NOT_SHOWN, "").replace(/\.$/, "");
}

/** The first of these programs that the machine has. */
export function findTool(names: readonly string[]): string | undefined {
  const folders = TOOL_ENVIRONMENT.PATH.split(":");
  const paths = names.flatMap((name) =>
    name.includes("/") ? [name] : folders.map((folder) => join(folder, name)),
  );
  return paths.find(isProgram);
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
