/** LOG messages of agents in the house's log, with their level: cut to a line's length, and so many a host. */

import type { Clock } from "../../shared/clock.ts";
import type { Logger } from "../../shared/log.ts";
import { KeyedBudget } from "../../shared/monitor/budget.ts";
import type { LogLevel } from "../../shared/monitor/readings.ts";

const MAX_CHARACTERS = 1_024;

const PER_HOST = { burst: 30, perSecond: 1 };
const OVERALL = { burst: 300, perSecond: 30 };

const METHOD = { error: "error", warning: "warn", info: "info", debug: "debug" } as const satisfies Record<
  LogLevel,
  keyof Logger
>;

export class HostLogs {
  readonly #log: Logger;
  readonly #clock: Pick<Clock, "elapsed">;
  readonly #rates: KeyedBudget;

  constructor(log: Logger, clock: Pick<Clock, "elapsed">) {
    this.#log = log;
    this.#clock = clock;
    this.#rates = new KeyedBudget(PER_HOST, OVERALL, clock.elapsed());
  }

  /** False when the host has said too much lately. */
  write(hostId: number, level: LogLevel, text: string): boolean {
    if (!this.#rates.take(hostId, 1, this.#clock.elapsed())) return false;
    this.#log[METHOD[level]]({ host: hostId, text: text.slice(0, MAX_CHARACTERS) }, "A host's agent says");
    return true;
  }

  forgetIdle(): void {
    this.#rates.forgetIdle(this.#clock.elapsed());
  }
}
