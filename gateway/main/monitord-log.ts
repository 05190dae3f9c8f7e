/** Where the monitoring daemon of an OpenNebula writes its log: as LOG of monitord.conf says, to monitor.log. */

import { openSync, writeSync } from "node:fs";
import type { Clock } from "../../shared/clock.ts";
import { createLogger, type Logger, type LogLevel, type LogSink, stderrSink } from "../../shared/log.ts";
import { prettyLine } from "../../shared/log-line.ts";
import { parseTemplate } from "../../shared/template/parse.ts";
import { vectorOf } from "../../shared/template/types.ts";

/** DEBUG_LEVEL, from 0 on; above 3 OpenNebula tells details of its own. */
const LEVELS: readonly LogLevel[] = ["error", "warn", "info", "debug"];

/** @param text of monitord.conf, which another reader checks. */
export function monitordLogger(text: string, logFile: string, clock: Clock): Logger {
  const { SYSTEM = "FILE", DEBUG_LEVEL = "3" } = logSection(text);
  const level = LEVELS[Math.min(Number(DEBUG_LEVEL), LEVELS.length - 1)] ?? "debug";
  const sink = SYSTEM.toUpperCase() === "STD" ? stderrSink() : fileSink(logFile);
  return createLogger({ level, clock, sink: { write: (line) => sink.write(datedLine(line)) } });
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
