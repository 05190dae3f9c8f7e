/**
 * The first reading of each VM since the daemon started: it waits for the VM's last row in OpenNebula's table, and goes
 * over that, so that what slow probes told before is in the first row, too. Upstream reads that row for every reading.
 */

import type { Clock } from "../../../shared/clock.ts";
import { attributesOf, type VmReading } from "../../../shared/monitor/readings.ts";
import type { LatestReading } from "../../cloud/monitoring.ts";
import { readVmBody } from "./bodies.ts";
import type { Outage } from "./outage.ts";
import type { MonitoringRow, MonitoringTables } from "./tables.ts";
import { charactersOf } from "./vm-readings.ts";

/** Of all VMs; what is more goes on without its last row. */
const MAX_WAITING = 50_000;
const MAX_CHARACTERS = 64 * 1024 * 1024;

/** VMs of one question: oned's own requests come between two of them. */
const ASKED_AT_ONCE = 500;

/** A database that cannot be asked, or is asked in vain so often: readings go on as they are. */
const RETRY_MS = 1_000;
const MAX_TRIES = 30;

export interface WaitingReading {
  readonly hostId: number;
  readonly reading: VmReading;
  readonly at: number;
}

export interface FirstReadingsOptions {
  readonly tables: Pick<MonitoringTables, "lastOfVms">;
  readonly outage: Outage;
  readonly clock: Clock;
  /** Told of each VM with what waited for it, in order; `last` is undefined where there was none. */
  readonly onReady: (
    vmId: number,
    last: LatestReading | undefined,
    waited: readonly WaitingReading[],
  ) => void;
}

export class FirstReadings {
  readonly #options: FirstReadingsOptions;
  readonly #waiting = new Map<number, WaitingReading[]>();
  #count = 0;
  /** Of all that waits. */
  #characters = 0;
  #asks = false;
  #closed = false;
  #cancelPause: () => void = () => undefined;

  constructor(options: FirstReadingsOptions) {
    this.#options = options;
  }

  /** Keeps a reading of a VM whose last row is not known; false: too much waits, or nothing is waited for any more. */
  hold(vmId: number, reading: WaitingReading): boolean {
    const characters = sizeOf(reading);
    if (this.#closed || this.#count >= MAX_WAITING || this.#characters + characters > MAX_CHARACTERS)
      return false;
    const waiting = this.#waiting.get(vmId) ?? [];
    // A copy: a piece of a text holds all of that text.
    waiting.push(structuredClone(reading));
    this.#characters += characters;
    this.#waiting.set(vmId, waiting);
    this.#count += 1;
    if (!this.#asks) void this.#ask();
    return true;
  }

  /** What waits goes on as it is; nothing waits any more. */
  close(): void {
    this.#closed = true;
    this.#cancelPause();
    this.#release([...this.#waiting.keys()], []);
  }

  async #ask(): Promise<void> {
    this.#asks = true;
    // One message brings many VMs: they are asked for together.
    await Promise.resolve();
    for (let tries = 1; this.#waiting.size > 0; ) {
      const vmIds = [...this.#waiting.keys()].slice(0, ASKED_AT_ONCE);
      const rows = await this.#rowsOf(vmIds);
      if (rows === undefined && tries < MAX_TRIES && !this.#closed) {
        tries += 1;
        await this.#pause();
      } else this.#release(vmIds, rows ?? []);
    }
    this.#asks = false;
  }

  async #rowsOf(vmIds: readonly number[]): Promise<readonly MonitoringRow[] | undefined> {
    const { tables, outage } = this.#options;
    try {
      return await tables.lastOfVms(vmIds);
    } catch (error) {
      outage.failed(error);
      return undefined;
    }
  }

  async #pause(): Promise<void> {
    await new Promise<void>((resolve) => {
      const cancel = this.#options.clock.after(RETRY_MS, resolve);
      this.#cancelPause = () => {
        cancel();
        resolve();
      };
    });
  }

  #release(vmIds: readonly number[], rows: readonly MonitoringRow[]): void {
    const lasts = new Map(rows.map((row) => [row.id, row]));
    for (const vmId of vmIds) {
      const waited = this.#waiting.get(vmId);
      // The end came while the database was asked.
      if (waited === undefined) continue;
      this.#waiting.delete(vmId);
      this.#count -= waited.length;
      for (const reading of waited) this.#characters -= sizeOf(reading);
      const row = lasts.get(vmId);
      const attributes = row === undefined ? undefined : readVmBody(row.body);
      const last = row === undefined || attributes === undefined ? undefined : { at: row.at, attributes };
      this.#options.onReady(vmId, last, waited);
    }
  }
}

function sizeOf({ reading }: WaitingReading): number {
  return charactersOf(attributesOf(reading));
}
