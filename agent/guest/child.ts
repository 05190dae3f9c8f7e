/** A child process that leads a group of its own, so that it can be ended with all it started; bounded in time and output. */

import { type ChildProcess, type StdioOptions, spawn } from "node:child_process";
import type { Clock } from "../../shared/clock.ts";
import { errorText } from "../../shared/errors.ts";
import { killGroup } from "../../shared/process-group.ts";
import type { Variables } from "./shell-assignments.ts";

export interface ChildOptions {
  readonly env: Variables;
  readonly timeoutMs: number;
  /** Collects standard output up to so many bytes and drops standard error; without it, both go where this process's go. */
  readonly maxOutputBytes?: number;
  readonly clock: Clock;
  readonly stop?: AbortSignal | undefined;
}

export type ChildResult =
  | { readonly ok: true; readonly output: string }
  /** `reason` goes on from "it": "ended with exit code 3". */
  | { readonly ok: false; readonly reason: string };

/** Runs it to its end, or ends it with its group: at the time limit, above the output limit, and on `stop`. */
export async function runChild(
  command: string,
  args: readonly string[],
  options: ChildOptions,
): Promise<ChildResult> {
  const collects = options.maxOutputBytes !== undefined;
  const stdio: StdioOptions = collects ? ["ignore", "pipe", "ignore"] : ["ignore", "inherit", "inherit"];
  try {
    return await watch(spawn(command, args, { env: { ...options.env }, stdio, detached: true }), options);
  } catch (error) {
    // Some failures spawn throws at once, as for a script without its first line.
    return { ok: false, reason: `cannot be run: ${errorText(error)}` };
  }
}

function watch(child: ChildProcess, options: ChildOptions): Promise<ChildResult> {
  const { timeoutMs, maxOutputBytes = 0, clock, stop } = options;
  return new Promise((resolve, reject) => {
    const leave = (): void => {
      cancel();
      stop?.removeEventListener("abort", abort);
    };
    const settle = (result: ChildResult): void => {
      leave();
      resolve(result);
    };
    const end = (reason: string): void => {
      settle({ ok: false, reason });
      killGroup(child.pid);
      // What left the group may still hold the pipe, and would keep this process waiting.
      child.stdout?.destroy();
    };
    const abort = (): void => end("was stopped");
    const cancel = clock.after(timeoutMs, () =>
      end(`did not end within ${timeoutMs / 1000} s and was killed`),
    );
    const output = collect(child, maxOutputBytes, () =>
      end(`printed more than the ${maxOutputBytes} bytes allowed`),
    );
    child.once("error", (error) => {
      leave();
      reject(error);
    });
    child.once("close", (code, signal) => {
      if (code === 0) return settle({ ok: true, output: output() });
      settle({
        ok: false,
        reason: code === null ? `was killed by ${signal}` : `ended with exit code ${code}`,
      });
    });
    stop?.addEventListener("abort", abort);
    if (stop?.aborted) abort();
  });
}

/** Where output is collected: gathers it, and ends what still holds it open when the child itself has ended. */
function collect(child: ChildProcess, maxBytes: number, onTooMuch: () => void): () => string {
  const chunks: Buffer[] = [];
  let size = 0;
  child.stdout?.on("data", (chunk: Buffer) => {
    size += chunk.length;
    chunks.push(chunk);
    if (size > maxBytes) onTooMuch();
  });
  if (child.stdout !== null) child.once("exit", () => killGroup(child.pid));
  return () => Buffer.concat(chunks).toString("utf8");
}
