/** The `onegate` command as a guest has it: the bundled file, run by a Node of its own. */

import { type ChildProcess, spawn } from "node:child_process";
import path from "node:path";
import { buildGuest } from "../../agent/guest/build.ts";

export interface Ended {
  /** The exit code, or the signal that ended it. */
  readonly code: number | string;
  readonly out: string;
  readonly err: string;
}

export interface RunningGuest {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** Resolves when standard error holds the text; rejects when the process ends before. */
  says(text: string): Promise<void>;
  /** The same of standard output. */
  prints(text: string): Promise<void>;
}

/** The Node that guests run on: this one, or the one to try the suites with (`TEST_GUEST_NODE=/path/to/node18`). */
export const GUEST_NODE = process.env.TEST_GUEST_NODE ?? process.execPath;

/** Builds the bundle into a directory; its path. */
export async function buildBundle(directory: string): Promise<string> {
  const bundle = path.join(directory, "onegate.cjs");
  await buildGuest(bundle);
  return bundle;
}

/** Runs a program with only these variables, and PATH. */
export function runGuest(
  command: readonly [string, ...string[]],
  variables: Readonly<Record<string, string>>,
): RunningGuest {
  const [program, ...args] = command;
  const child = spawn(program, args, {
    stdio: ["ignore", "pipe", "pipe"],
    env: { PATH: process.env.PATH, ...variables },
  });
  let out = "";
  let err = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    out += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    err += text;
  });
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => resolve({ code: code ?? signal ?? "", out, err }));
  });
  const until = (stream: NodeJS.ReadableStream, holds: () => boolean, text: string) =>
    new Promise<void>((resolve, reject) => {
      const look = () => holds() && resolve();
      stream.on("data", look);
      look();
      ended.then(() => reject(new Error(`ended without ${text}: ${out}${err}`)), reject);
    });
  return {
    child,
    ended,
    says: (text) => until(child.stderr, () => err.includes(text), text),
    prints: (text) => until(child.stdout, () => out.includes(text), text),
  };
}
