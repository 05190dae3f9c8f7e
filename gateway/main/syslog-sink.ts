/** The system's log, through `logger` (bsdutils, util-linux): Node has no socket of the kind that syslog listens on. */

import { type ChildProcess, spawn } from "node:child_process";
import type { Writable } from "node:stream";
import type { Clock } from "../../shared/clock.ts";
import type { LogSink } from "../../shared/log.ts";

export interface SyslogOptions {
  /** The name that lines go by. */
  readonly tag: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  /** Takes what the system's log does not. */
  readonly otherwise: LogSink;
  /** A line of the log as syslog has it: without its time, which syslog adds. */
  readonly print: (json: string) => string;
}

/** Between two starts of a `logger` that ends: there is none, or nothing takes what it sends. */
const RESTART_MS = 60_000;

/** What a `logger` that is stuck has waiting. */
const MAX_WAITING_BYTES = 256 * 1024;

/** A `logger` that finds no syslog ends within this time; what it was given goes to the other log, then. */
const PROOF_MS = 2_000;
const MAX_UNPROVEN = 1_000;

/** One line is cut there; syslog daemons take 8 KiB by default. */
const LINE_BYTES = 8_192;

/** Of syslog, as RFC 5424 counts them. */
const SEVERITY: Readonly<Record<string, number>> = { error: 3, warn: 4, info: 6, debug: 7 };

export function syslogSink(options: SyslogOptions): LogSink {
  const { otherwise, print, clock } = options;
  let running: Writable | undefined;
  let startedAt: number | undefined;
  let unproven: string[] = [];
  const isNew = () => startedAt !== undefined && clock.elapsed() - startedAt < PROOF_MS;
  const input = (): Writable | undefined => {
    const mayStart = startedAt === undefined || clock.elapsed() - startedAt >= RESTART_MS;
    if (running !== undefined || !mayStart) return running;
    startedAt = clock.elapsed();
    unproven = [];
    const { stdin, child } = startLogger(options);
    const ended = (): void => {
      if (running !== stdin) return;
      running = undefined;
      if (isNew()) for (const json of unproven.splice(0)) otherwise.write(json);
    };
    child.once("error", ended);
    // There is no such program.
    if (child.pid === undefined) return undefined;
    running = stdin;
    child.once("exit", ended);
    stdin.on("error", ended);
    return running;
  };
  return {
    write(json) {
      const [, level = "info"] = /"level":"(\w+)"/.exec(json) ?? [];
      const to = input();
      if (to === undefined || to.writableLength > MAX_WAITING_BYTES) {
        otherwise.write(json);
        return;
      }
      to.write(`<${SEVERITY[level] ?? SEVERITY.info}>${print(json)}`);
      // After an error the process may end before it is known whether there is a syslog.
      if (level === "error") otherwise.write(json);
      else if (isNew() && unproven.length < MAX_UNPROVEN) unproven.push(json);
    },
  };
}

function startLogger({ tag, environment }: SyslogOptions): {
  readonly stdin: Writable;
  readonly child: ChildProcess;
} {
  // Without the second it would say nothing of a syslog that is not there.
  const args = [
    "--prio-prefix",
    "--socket-errors=on",
    "--priority",
    "daemon.info",
    "--tag",
    tag,
    `--id=${process.pid}`,
  ];
  const child = spawn("logger", [...args, "--size", String(LINE_BYTES)], {
    stdio: ["pipe", "ignore", "ignore"],
    env: { PATH: environment.PATH },
  });
  child.unref();
  return { stdin: child.stdin, child };
}
