/** The last word on an error that nobody handled: it is a fault of ours, so the process ends and says so. */

import type { Logger } from "../../shared/log.ts";

export interface CrashingProcess {
  on(event: "uncaughtException", listener: (error: unknown) => void): unknown;
  exit(status: number): never;
}

/** What is durable stays so; going on with a state that nobody understands could spoil it. */
export function endOnCrash(target: CrashingProcess, log: Logger): void {
  target.on("uncaughtException", (error) => {
    log.error({ err: error }, "An error was not handled; the house ends");
    target.exit(1);
  });
}
