/** Runs a command on each change, never two at once: what changes meanwhile is one more run, with the newest state. */

import { spawn } from "node:child_process";
import type { Clock } from "../../shared/clock.ts";
import { errorText } from "../../shared/errors.ts";
import { killGroup } from "../../shared/process-group.ts";
import type { Variables } from "./shell-assignments.ts";

/** Linux carries at most 128 KiB in one variable; longer values come on standard input alone. */
const MAX_VALUE_BYTES = 30_000;
/** A command that is at work when the watch ends may finish; then it is ended with all it started. */
const GRACE_MS = 10_000;

export interface ChangeCommandOptions {
  readonly command: string;
  readonly env: Variables;
  readonly log: (line: string) => void;
  readonly clock: Clock;
}

export interface ChangeCommand {
  /** Runs it with this text, now or after the run that goes on. */
  run(text: string): void;
  /** Nothing is started any more; resolves when the last run has ended: ten seconds after `stop` at the latest. */
  end(stop: AbortSignal): Promise<void>;
}

export function changeCommand(options: ChangeCommandOptions): ChangeCommand {
  let waiting: string | undefined;
  let running: Run | undefined;
  let ended = false;
  const start = (): void => {
    if (running !== undefined || waiting === undefined || ended) return;
    const text = waiting;
    waiting = undefined;
    try {
      running = startCommand(options, text);
    } catch (error) {
      // Some failures spawn throws at once.
      options.log(`The command cannot be run: ${errorText(error)}`);
      return;
    }
    void running.done.then(() => {
      running = undefined;
      start();
    });
  };
  return {
    run(text) {
      waiting = text;
      start();
    },
    async end(stop) {
      ended = true;
      if (running === undefined) return;
      const { done, kill } = running;
      let cancel: (() => void) | undefined;
      const hurry = (): void => {
        cancel = options.clock.after(GRACE_MS, kill);
      };
      stop.addEventListener("abort", hurry);
      if (stop.aborted) hurry();
      await done;
      stop.removeEventListener("abort", hurry);
      cancel?.();
    },
  };
}

interface Run {
  readonly done: Promise<void>;
  readonly kill: () => void;
}

function startCommand({ command, env, log }: ChangeCommandOptions, text: string): Run {
  const isShort = Buffer.byteLength(text) <= MAX_VALUE_BYTES && !text.includes("\0");
  const value = text.replace(/\n$/, "");
  const { ONEGATE_VALUE: _, ...rest } = env;
  const child = spawn("/bin/sh", ["-c", command], {
    stdio: ["pipe", "inherit", "inherit"],
    env: { ...rest, ...(isShort ? { ONEGATE_VALUE: value } : {}) },
    detached: true,
  });
  const done = new Promise<void>((resolve) => {
    child.once("error", (error) => {
      log(`The command cannot be run: ${errorText(error)}`);
      resolve();
    });
    child.once("exit", (code, signal) => {
      if (code !== 0)
        log(`The command ${code === null ? `was killed by ${signal}` : `ended with exit code ${code}`}.`);
      resolve();
    });
  });
  // A command need not read it.
  child.stdin.on("error", () => undefined);
  child.stdin.end(text);
  const kill = (): void => killGroup(child.pid);
  return { done, kill };
}
