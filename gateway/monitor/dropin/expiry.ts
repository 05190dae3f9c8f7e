/** Deletes rows whose time is over, a few at a time, and keeps the list of imported VMs: what the timer does in the database. */

import { type Clock, epochSeconds } from "../../../shared/clock.ts";
import { MAX_TIMESTAMP } from "../../../shared/monitor/limits.ts";
import type { Outage } from "./outage.ts";
import type { MonitoringRow, MonitoringTables } from "./tables.ts";

/** Between two looks; upstream purges each MANAGER_TIMER, over the whole table. */
const PERIOD_MS = 60_000;

/** Purges of one look and one table; oned writes between them. */
const MAX_PURGES = 200;

export interface ExpiryOptions {
  readonly tables: Pick<MonitoringTables, "purge" | "imported">;
  readonly outage: Outage;
  /** Seconds; 0: none is kept, and what there is goes. */
  readonly keptS: Readonly<Record<MonitoringRow["kind"], number>>;
  readonly clock: Clock;
}

export class Expiry {
  readonly #options: ExpiryOptions;
  #imported: ReadonlyMap<string, number> = new Map();
  #cancel: () => void = () => undefined;
  #closed = false;
  #looking: Promise<void> = Promise.resolve();

  constructor(options: ExpiryOptions) {
    this.#options = options;
  }

  /** The VM that a name of the hypervisor was imported as. */
  importedAs(deployId: string): number | undefined {
    return this.#imported.get(deployId);
  }

  start(): void {
    this.#looking = this.#look().finally(() => {
      if (!this.#closed) this.#cancel = this.#options.clock.after(PERIOD_MS, () => this.start());
    });
  }

  /** Resolves when nothing more is asked of the database. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#cancel();
    await this.#looking;
  }

  async #look(): Promise<void> {
    const { tables, outage } = this.#options;
    try {
      await this.#purge("host");
      await this.#purge("vm");
    } catch (error) {
      outage.failed(error);
      return;
    }
    // Not every OpenNebula has that table.
    this.#imported = await tables.imported().catch(() => new Map());
  }

  async #purge(kind: MonitoringRow["kind"]): Promise<void> {
    const { tables, keptS, clock } = this.#options;
    const before = keptS[kind] === 0 ? MAX_TIMESTAMP : epochSeconds(clock) - keptS[kind];
    for (let purges = 0; purges < MAX_PURGES && !this.#closed; purges += 1)
      if (!(await tables.purge(kind, before))) return;
  }
}
