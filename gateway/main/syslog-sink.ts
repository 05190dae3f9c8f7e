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

/** One line is cut there; syslog daemons take 8 KiB by default. */
const LINE_BYTES = 8_192;

/** Of syslog, as RFC 5424 counts them. */
const SEVERITY: Readonly<Record<string, number>> = { error: 3, warn: 4, info: 6, debug: 7 };

export function syslogSink(options: SyslogOptions): LogSink {
  const { otherwise, print, clock } = options;
  let running: Writable | undefined;
  let startedAt: number | undefined;
  const input = (): Writable | undefined => {
    const mayStart = startedAt === undefined || clock.elapsed() - startedAt >= RESTART_MS;
    if (running !== undefined || !mayStart) return running;
    startedAt = clock.elapsed();
    const { stdin, child } = startLogger(options);
    running = stdin;
    const ended = (): void => {
      if (running === stdin) running = undefined;
    };
    child.once("error", ended);
    child.once("exit", ended);
    stdin.on("error", ended);
    return running;
  };
  return {
    write(json) {
      const [, level = "info"] = /"level":"(\w+)"/.exec(json) ?? [];
      const to = input();
      if (to === undefined || to.writableLength > MAX_WAITING_BYTES) otherwise.write(json);
      else to.write(`<${SEVERITY[level] ?? SEVERITY.info}>${print(json)}`);
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
