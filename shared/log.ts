/**
 * Logging as a port: components take the narrow `Logger`; the process gets one made over pino, which writes JSON
 * lines (or one readable line each on a terminal) and lets no secret through (shared/redact.ts).
 */

import { type DestinationStream, pino } from "pino";
import type { Clock } from "./clock.ts";
import { prettyLine } from "./log-line.ts";
import { redact, redactText } from "./redact.ts";

export const LOG_LEVELS = ["error", "warn", "info", "debug"] as const;

export type LogLevel = (typeof LOG_LEVELS)[number];

/** Details, flat and named, that go beside a message: `{ vmId: 7, err: error }`. */
export type LogDetails = { readonly [name: string]: unknown };

/** All a component needs; `message` is a sentence fixed in the source, what varies goes into `details`. */
export interface Logger {
  error(details: LogDetails, message: string): void;
  warn(details: LogDetails, message: string): void;
  info(details: LogDetails, message: string): void;
  debug(details: LogDetails, message: string): void;
}

/** Where finished lines go, each with its line break. */
export interface LogSink {
  write(line: string): void;
}

export interface LoggerOptions {
  readonly level: LogLevel;
  readonly clock: Clock;
  readonly sink: LogSink;
  /** One line of text for people in place of JSON. */
  readonly pretty?: boolean;
}

/** Makes the process's logger; logging never throws, whatever the details hold. */
export function createLogger({ level, clock, sink, pretty = false }: LoggerOptions): Logger {
  const destination: DestinationStream = {
    write: pretty ? (line) => sink.write(prettyLine(line)) : (line) => sink.write(line),
  };
  const target = pino(
    {
      level,
      base: null,
      timestamp: () => `,"time":"${new Date(clock.now()).toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      // Errors are already plain objects when they come out of redact().
      serializers: { err: (value: unknown) => value },
    },
    destination,
  );
  const write =
    (name: LogLevel) =>
    (details: LogDetails, message: string): void => {
      if (target.isLevelEnabled(name)) target[name](redact(details), redactText(message));
    };
  return { error: write("error"), warn: write("warn"), info: write("info"), debug: write("debug") };
}

/**
 * Writes to the process's standard error. Synchronous, so that the last words before an exit are not lost; a
 * closed pipe behind it (`gatehouse up 2>&1 | head`) must not end the house, so its errors are dropped.
 */
export function stderrSink(): LogSink {
  const destination = pino.destination({ fd: 2, sync: true });
  destination.on("error", () => undefined);
  return { write: (line) => void destination.write(line) };
}

const silence = (): void => undefined;

/** Says nothing: for tests, and for commands that report by their own means. */
export const silentLogger: Logger = { error: silence, warn: silence, info: silence, debug: silence };
