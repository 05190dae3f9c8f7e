/** Ending on request: the first SIGINT or SIGTERM asks for a graceful end, a second one does not wait for it. */

import type { Clock } from "../../shared/clock.ts";
import type { Logger } from "../../shared/log.ts";

/** A terminal, npm and the launcher may each pass the same Ctrl-C on: what comes this close together is one request. */
const SAME_REQUEST_MS = 500;

const EXIT_STATUS = { SIGINT: 130, SIGTERM: 143 } as const;

/** What is used of the process. */
export interface SignalledProcess {
  on(signal: keyof typeof EXIT_STATUS, listener: () => void): unknown;
  exit(status: number): never;
}

/** Resolves with the first signal's name. */
export function stopRequested(target: SignalledProcess, clock: Clock, log: Logger): Promise<string> {
  return new Promise((resolve) => {
    let firstAt: number | undefined;
    const receive = (signal: keyof typeof EXIT_STATUS): void => {
      if (firstAt === undefined) {
        firstAt = clock.now();
        log.info({ signal }, "Stopping");
        resolve(signal);
      } else if (clock.now() - firstAt >= SAME_REQUEST_MS) {
        log.warn({ signal }, "Stopping at once");
        target.exit(EXIT_STATUS[signal]);
      }
    };
    target.on("SIGINT", () => receive("SIGINT"));
    target.on("SIGTERM", () => receive("SIGTERM"));
  });
}
