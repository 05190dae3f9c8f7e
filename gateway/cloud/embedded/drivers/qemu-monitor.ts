/** What the driver asks QEMUs and tells them, over a socket of its own; one asking at a time for each guest. */

import { z } from "zod";
import type { Clock } from "../../../../shared/clock.ts";
import { delay } from "../../../../shared/delay.ts";
import { errorText, GatehouseError } from "../../../../shared/errors.ts";
import { livingStat, type ProcessIdentity } from "../../../../shared/guests/process-proc.ts";
import { askQmp, type QmpCommand } from "../../../../shared/guests/qmp.ts";
import { serial } from "./process-serial.ts";

/** QEMU answers in microseconds, but a machine that emulates several guests may be busy for long. */
const ASK_TIMEOUT_MS = 10_000;
/** From its start until it listens; its disks and firmware are read meanwhile. */
const UP_TIMEOUT_MS = 60_000;
const POLL_MS = 50;

/** QEMU's RunState, and whether its guest computes. */
const runStatus = z.object({ status: z.string(), running: z.boolean() });
export type RunStatus = z.infer<typeof runStatus>;

const migration = z.object({ status: z.string().optional(), "error-desc": z.string().optional() });
export type Migration = z.infer<typeof migration>;

export interface Monitored {
  readonly vmId: number;
  readonly socket: string;
  readonly process: ProcessIdentity;
}

export class QemuMonitor {
  readonly #clock: Clock;
  readonly #serial = serial();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @throws GatehouseError `unavailable` when QEMU refuses, or does not answer in time. */
  async tell(guest: Monitored, ...commands: readonly QmpCommand[]): Promise<readonly unknown[]> {
    const options = { clock: this.#clock, signal: new AbortController().signal, timeoutMs: ASK_TIMEOUT_MS };
    try {
      return await this.#serial(guest.vmId, () => askQmp(guest.socket, commands, options));
    } catch (error) {
      throw new GatehouseError("unavailable", errorText(error), { cause: error });
    }
  }

  async runStatus(guest: Monitored): Promise<RunStatus> {
    const [status] = await this.tell(guest, "query-status");
    return runStatus.parse(status);
  }

  async migration(guest: Monitored): Promise<Migration> {
    const [status] = await this.tell(guest, "query-migrate");
    return migration.parse(status);
  }

  /** Waits until QEMU answers. @throws GatehouseError `unavailable` when it ends first, or takes a minute. */
  async untilUp(guest: Monitored): Promise<RunStatus> {
    const until = this.#clock.elapsed() + UP_TIMEOUT_MS;
    for (;;) {
      try {
        return await this.runStatus(guest);
      } catch (error) {
        if (livingStat(guest.process) === undefined)
          throw new GatehouseError("unavailable", "QEMU ended before it answered.", { cause: error });
        if (this.#clock.elapsed() > until) throw error;
        await delay(this.#clock, POLL_MS);
      }
    }
  }
}
