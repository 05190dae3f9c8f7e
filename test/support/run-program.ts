/** A command of ours as a process of its own, run to its end. */

import { spawn } from "node:child_process";

export interface ProgramRun {
  readonly cwd: string;
  /** All that it has besides PATH: nothing of this process's own settings. */
  readonly env: Readonly<Record<string, string>>;
  readonly input?: string;
}

export interface ProgramResult {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export async function runProgram(
  file: string,
  args: readonly string[],
  { cwd, env, input = "" }: ProgramRun,
): Promise<ProgramResult> {
  const child = spawn(process.execPath, [file, ...args], { cwd, env: { PATH: process.env.PATH, ...env } });
  const output = { out: "", err: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output.out += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    output.err += text;
  });
  child.stdin.on("error", () => {});
  child.stdin.end(input);
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { code, ...output };
}
