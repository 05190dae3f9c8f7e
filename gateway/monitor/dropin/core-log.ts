/** The daemon's log, of which what is wrong goes to oned, too: LOG lines, so many and no more. */

import type { Clock } from "../../../shared/clock.ts";
import type { LogDetails, Logger } from "../../../shared/log.ts";
import { TokenBucket } from "../../../shared/monitor/budget.ts";
import { NO_OBJECT } from "../../../shared/monitor/message.ts";
import { redact, redactText } from "../../../shared/redact.ts";
import { printCoreLine } from "./core-line.ts";

/** Lines to oned: a host that fails again and again is told in our own log. */
const RATE = { burst: 20, perSecond: 0.1 };
const MAX_CHARACTERS = 1_024;

/** @param send takes a line, or throws; that it cannot be sent is nobody's concern. */
export function coreLogger(log: Logger, clock: Clock, send: (line: string) => void): Logger {
  const budget = new TokenBucket(RATE, clock.elapsed());
  const tell = (letter: "E" | "W", details: LogDetails, message: string): void => {
    if (!budget.take(1, clock.elapsed())) return;
    const text = `${redactText(message)} ${JSON.stringify(redact(details))}`.slice(0, MAX_CHARACTERS);
    try {
      send(printCoreLine("LOG", letter, NO_OBJECT, text));
    } catch {
      // Our own log has it.
    }
  };
  return {
    error(details, message) {
      log.error(details, message);
      tell("E", details, message);
    },
    warn(details, message) {
      log.warn(details, message);
      tell("W", details, message);
    },
    info: (details, message) => log.info(details, message),
    debug: (details, message) => log.debug(details, message),
  };
}
