/** The last word on what a house cannot go on with: the process ends and says why, for whoever starts it again. */

import type { Logger } from "../../shared/log.ts";

export interface CrashingProcess {
  on(event: "uncaughtException", listener: (error: unknown) => void): unknown;
  exit(status: number): never;
}

/** A fault of ours. What is durable stays so; going on with a state that nobody understands could spoil it. */
export function endOnCrash(target: CrashingProcess, log: Logger): void {
  target.on("uncaughtException", (error) => {
    log.error({ err: error }, "An error was not handled; the house ends");
    target.exit(1);
  });
}

/** As a crash: guests that outlive one do, and the next start finds them and what is durable. */
export function endOnLoss(target: Pick<CrashingProcess, "exit">, log: Logger, reason: string): never {
  log.error({ reason }, "The house cannot go on, and ends");
  return target.exit(1);
}
