/**
 * The agent of one host as a child of the house, on this machine or at the other end of ssh: started with its
 * configuration on standard input, started again when it ends, and ended with the house, since its input then closes.
 */

import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import type { Readable } from "node:stream";
import type { Clock } from "../../shared/clock.ts";
import { errorText } from "../../shared/errors.ts";
import type { Logger } from "../../shared/log.ts";
import type { LogLevel } from "../../shared/monitor/readings.ts";
import { splitLines } from "../../shared/monitor/splitter.ts";
import { killGroup } from "../../shared/process-group.ts";

const FIRST_WAIT_MS = 1_000;
const MAX_WAIT_MS = 60_000;
/** One that lived for so long is not one that fails at its start. */
const SOUND_MS = 60_000;
/** From SIGTERM to SIGKILL. */
const GRACE_MS = 5_000;

/** What it prints is for people; a line that is longer is cut off with what follows it. */
const MAX_LINE_BYTES = 64 * 1_024;

export interface Launch {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Its first line on standard input, which stays open. It holds keys, so it stands nowhere else. */
  readonly line: string;
}

export interface AgentProcessOptions {
  readonly hostId: number;
  /** What is to be run; asked anew for each start, so that each has keys of its own. */
  readonly prepare: () => Promise<Launch>;
  /** A line that it printed. */
  readonly say: (level: LogLevel, text: string) => void;
  readonly clock: Clock;
  readonly log: Logger;
  /** From 0 up to 1. */
  readonly random: () => number;
}

export class AgentProcess {
  readonly #options: AgentProcessOptions;
  /** Starts and stops come one after another. */
  #turn: Promise<void> = Promise.resolve();
  #child: ChildProcessWithoutNullStreams | undefined;
  #wanted = false;
  #failures = 0;
  #cancelWait: () => void = () => undefined;

  constructor(options: AgentProcessOptions) {
    this.#options = options;
  }

  /** In place of one that runs. @throws Error when it cannot be started; it is then not tried again by itself. */
  start(): Promise<void> {
    return this.#inTurn(async () => {
      await this.#end();
      this.#wanted = true;
      this.#failures = 0;
      await this.#launch();
    });
  }

  /** Resolves when it has ended. */
  stop(): Promise<void> {
    return this.#inTurn(() => this.#end());
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => undefined);
    return done;
  }

  async #end(): Promise<void> {
    this.#wanted = false;
    this.#cancelWait();
    const child = this.#child;
    if (child !== undefined) await endChild(child, this.#options.clock);
  }

  async #launch(): Promise<void> {
    const { prepare, say, clock } = this.#options;
    const { command, args, env, line } = await prepare();
    const child = spawn(command, args, { stdio: "pipe", detached: true, env });
    // It may end before it has read, and then the exit tells.
    child.stdin.on("error", () => undefined);
    followLines(child.stdout, (text) => say("info", text));
    followLines(child.stderr, (text) => say("warning", text));
    await started(child);
    child.stdin.write(`${line}\n`);
    this.#child = child;
    const startedAt = clock.elapsed();
    const ended = (code: number | null, signal: NodeJS.Signals | null): void => {
      // What it started goes with it.
      killGroup(child.pid);
      this.#child = undefined;
      if (clock.elapsed() - startedAt >= SOUND_MS) this.#failures = 0;
      if (this.#wanted) this.#again(`it ended with ${signal ?? `exit code ${code}`}`);
    };
    if (child.exitCode !== null || child.signalCode !== null) ended(child.exitCode, child.signalCode);
    else child.once("exit", ended);
  }

  /** Later, each time a little more so. */
  #again(reason: string): void {
    const { clock, log, random, hostId } = this.#options;
    const waitMs = Math.min(FIRST_WAIT_MS * 2 ** this.#failures, MAX_WAIT_MS) * (1 - random() / 4);
    this.#failures += 1;
    log.warn({ host: hostId, reason, waitMs: Math.round(waitMs) }, "The agent of a host is started again");
    this.#cancelWait = clock.after(waitMs, () => {
      void this.#inTurn(async () => {
        if (!this.#wanted || this.#child !== undefined) return;
        await this.#launch().catch((error: unknown) => this.#again(errorText(error)));
      });
    });
  }
}

/** @throws Error when there is no such program, or it may not be run. */
function started(child: ChildProcessWithoutNullStreams): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", reject);
  });
}

/** Its input closes and it is asked; after the grace it is killed with its group. */
async function endChild(child: ChildProcessWithoutNullStreams, clock: Clock): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  await new Promise<void>((resolve) => {
    const cancel = clock.after(GRACE_MS, () => killGroup(child.pid));
    child.once("exit", () => {
      cancel();
      resolve();
    });
    child.stdin.end();
    child.kill("SIGTERM");
  });
}

function followLines(stream: Readable, tell: (text: string) => void): void {
  const splitter = splitLines(MAX_LINE_BYTES);
  const lines = (take: () => readonly Buffer[]): void => {
    try {
      for (const line of take()) tell(line.toString("utf8"));
    } catch {
      tell(`(a line of more than ${MAX_LINE_BYTES} bytes; nothing more is read)`);
      stream.removeAllListeners("data").resume();
    }
  };
  stream.on("error", () => undefined);
  stream.on("data", (piece: Buffer) => lines(() => splitter.push(piece)));
  stream.on("end", () => lines(() => splitter.end()));
}
