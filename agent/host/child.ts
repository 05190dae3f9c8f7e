/** A program that a probe needs, or that is one: leads a process group of its own, bounded in time and output. */

import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { killGroup } from "../../shared/process-group.ts";

export interface ChildOptions {
  readonly args: readonly string[];
  /** Written to standard input, which is then closed. */
  readonly input?: string;
  /** Ends the child with its group; the call then fails with the signal's reason. */
  readonly signal: AbortSignal;
  /** Of standard output, and of standard error. */
  readonly maxOutputBytes: number;
}

export interface ChildEnd {
  /** 128 and the signal's number are a shell's habit; here -1 stands for any signal. */
  readonly code: number;
  readonly stdout: Buffer;
  readonly stderr: Buffer;
}

/**
 * Runs it to its end, and kills what it left behind in its group.
 * @throws Error when it cannot be started, is ended by `signal`, or prints too much; the text goes on from its name.
 */
export function runChild(
  command: string,
  { args, input = "", signal, maxOutputBytes }: ChildOptions,
): Promise<ChildEnd> {
  signal.throwIfAborted();
  const child = spawn(command, args, { stdio: "pipe", detached: true });
  return new Promise((resolve, reject) => {
    const fail = (reason: unknown): void => {
      signal.removeEventListener("abort", abort);
      reject(reason instanceof Error ? reason : new Error(String(reason)));
      end(child);
    };
    const abort = (): void => fail(signal.reason);
    const tooMuch = (): void => fail(new Error(`printed more than the ${maxOutputBytes} bytes allowed`));
    const stdout = collect(child.stdout, maxOutputBytes, tooMuch);
    const stderr = collect(child.stderr, maxOutputBytes, tooMuch);
    // A child may end without reading its input.
    child.stdin.on("error", () => undefined);
    child.stdin.end(input);
    child.once("error", fail);
    // What it started may still hold its pipes, and would keep the call waiting.
    child.once("exit", () => killGroup(child.pid));
    child.once("close", (code) => {
      signal.removeEventListener("abort", abort);
      resolve({ code: code ?? -1, stdout: stdout(), stderr: stderr() });
    });
    signal.addEventListener("abort", abort, { once: true });
  });
}

function collect(
  stream: ChildProcessWithoutNullStreams["stdout"],
  maxBytes: number,
  onTooMuch: () => void,
): () => Buffer {
  const chunks: Buffer[] = [];
  let size = 0;
  stream.on("error", () => undefined);
  stream.on("data", (chunk: Buffer) => {
    size += chunk.length;
    if (size > maxBytes) onTooMuch();
    else chunks.push(chunk);
  });
  return () => Buffer.concat(chunks);
}

function end(child: ChildProcessWithoutNullStreams): void {
  killGroup(child.pid);
  // What left the group may hold the pipes for ever.
  for (const stream of [child.stdin, child.stdout, child.stderr]) stream.destroy();
}
