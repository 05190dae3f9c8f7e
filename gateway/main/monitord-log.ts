/** Where the monitoring daemon of an OpenNebula writes its log, as LOG of monitord.conf says: monitor.log, syslog or standard error. */

import { openSync, writeSync } from "node:fs";
import type { Clock } from "../../shared/clock.ts";
import { createLogger, type Logger, type LogLevel, type LogSink, stderrSink } from "../../shared/log.ts";
import { prettyLine } from "../../shared/log-line.ts";
import { parseTemplate } from "../../shared/template/parse.ts";
import { vectorOf } from "../../shared/template/types.ts";
import { syslogSink } from "./syslog-sink.ts";

/** DEBUG_LEVEL, from 0 on; above 3 OpenNebula tells details of its own. */
const LEVELS: readonly LogLevel[] = ["error", "warn", "info", "debug"];

/** As onemonitord calls itself there. */
const SYSLOG_TAG = "one_monitor";

export interface MonitordLogOptions {
  /** Of monitord.conf, which another reader checks. */
  readonly text: string;
  readonly logFile: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
}

/** oned closes its daemon's standard error, so what syslog does not take goes to the file. */
export function monitordLogger({ text, logFile, environment, clock }: MonitordLogOptions): Logger {
  const { SYSTEM = "FILE", DEBUG_LEVEL = "3" } = logSection(text);
  const level = LEVELS[Math.min(Number(DEBUG_LEVEL), LEVELS.length - 1)] ?? "debug";
  return createLogger({ level, clock, sink: sinkOf(SYSTEM.toUpperCase()) });

  function sinkOf(system: string): LogSink {
    if (system === "STD") return dated(stderrSink());
    const file = dated(fileSink(logFile));
    if (system !== "SYSLOG") return file;
    return syslogSink({ tag: SYSLOG_TAG, environment, clock, otherwise: file, print: timelessLine });
  }
}

/** For people: where the log of a daemon with this monitord.conf goes. */
export function logPlace(text: string, logFile: string): string {
  const { SYSTEM = "FILE" } = logSection(text);
  if (SYSTEM.toUpperCase() === "STD") return "standard error, which oned closes";
  return SYSTEM.toUpperCase() === "SYSLOG" ? `syslog, as ${SYSLOG_TAG}; without one ${logFile}` : logFile;
}

function dated(sink: LogSink): LogSink {
  return { write: (line) => sink.write(datedLine(line)) };
}

/** A line for people without the time that it begins with. */
function timelessLine(json: string): string {
  return prettyLine(json).replace(/^\S+ /, "");
}

/** A line for people, with the day before the time of day: the file grows for weeks. */
function datedLine(json: string): string {
  const [, day] = /"time":"(\d{4}-\d{2}-\d{2})T/.exec(json) ?? [];
  return day === undefined ? prettyLine(json) : `${day} ${prettyLine(json)}`;
}

function logSection(text: string): { readonly [name: string]: string } {
  try {
    return vectorOf(parseTemplate(text), "LOG") ?? {};
  } catch {
    return {};
  }
}

/** Appends, so that the file may be cut by logrotate; where that cannot be done, standard error has it. */
function fileSink(file: string): LogSink {
  let descriptor: number;
  try {
    descriptor = openSync(file, "a", 0o640);
  } catch {
    return stderrSink();
  }
  return {
    write(line) {
      try {
        writeSync(descriptor, line);
      } catch {
        // A full disk must not end the daemon.
      }
    },
  };
}
