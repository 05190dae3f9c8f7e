/** Rows on their way to the tables: gathered into transactions, kept through an outage, and never more than a bound. */

import type { Clock } from "../../../shared/clock.ts";
import type { Outage } from "./outage.ts";
import type { MonitoringRow, MonitoringTables } from "./tables.ts";

/** A row is in its table after this time; what comes meanwhile goes with it. */
const GATHER_MS = 200;
const TRANSACTION_ROWS = 2_000;
/** Rows of usual size never come to this: it is for a host that makes its own large. */
const TRANSACTION_BYTES = 8 * 1024 * 1024;

/** After a failure; each time twice as long. */
const FIRST_RETRY_MS = 1_000;
const MAX_RETRY_MS = 30_000;

/** Between two times of telling that rows are lost while the tables can be written. */
const TELL_MS = 60_000;

/** Some minutes of 1,000 readings a second. */
const MAX_BYTES = 128 * 1024 * 1024;
/** What a row takes beside its body. */
const ROW_BYTES = 128;

export interface RowWriterOptions {
  readonly tables: Pick<MonitoringTables, "put">;
  readonly outage: Outage;
  readonly clock: Clock;
  readonly maxBytes?: number | undefined;
}

export class RowWriter {
  readonly #options: RowWriterOptions;
  readonly #maxBytes: number;
  #rows: MonitoringRow[] = [];
  /** Of those before it, all are written or lost. */
  #next = 0;
  #bytes = 0;
  #failures = 0;
  /** What the last transaction took. */
  #lastMs = 0;
  #cancel: (() => void) | undefined;
  #writing: Promise<void> | undefined;
  /** Of which nobody was told yet. */
  #lost = 0;
  #allLost = 0;
  #written = 0;
  #toldAt: number | undefined;
  #closed = false;

  constructor(options: RowWriterOptions) {
    this.#options = options;
    this.#maxBytes = options.maxBytes ?? MAX_BYTES;
  }

  /** Of all rows since the start that wait no more. */
  get outcomes(): { readonly written: number; readonly lost: number } {
    return { written: this.#written, lost: this.#allLost };
  }

  get waiting(): number {
    return this.#rows.length - this.#next;
  }

  /** Never throws: where too much waits, rows are lost, the oldest first. */
  add(row: MonitoringRow): void {
    if (this.#closed) return;
    const isWriting = this.#writing !== undefined;
    // What is being written must stay as it is, so then it is the new one that is lost.
    while (this.#bytes + sizeOf(row) > this.#maxBytes && this.waiting > 0) {
      this.#lost += 1;
      this.#allLost += 1;
      if (isWriting) return;
      this.#drop(1);
    }
    this.#rows.push(row);
    this.#bytes += sizeOf(row);
    if (!isWriting) this.#later(GATHER_MS);
  }

  /** Writes what waits, if that can be done now; nothing is taken any more. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#cancel?.();
    await this.#writing;
    this.#cancel?.();
    while (this.waiting > 0) {
      const before = this.waiting;
      await this.#write();
      if (this.waiting === before) return;
    }
  }

  #later(afterMs: number): void {
    this.#cancel ??= this.#options.clock.after(afterMs, () => {
      this.#cancel = undefined;
      this.#writing = this.#write().finally(() => {
        this.#writing = undefined;
        if (this.waiting > 0 && !this.#closed) this.#later(this.#pauseMs());
      });
    });
  }

  /** A full transaction's worth does not wait for more, but as long as the last one took: half of the time is oned's. */
  #pauseMs(): number {
    if (this.#failures > 0) return Math.min(FIRST_RETRY_MS * 2 ** (this.#failures - 1), MAX_RETRY_MS);
    return this.waiting >= TRANSACTION_ROWS ? Math.min(this.#lastMs, GATHER_MS) : GATHER_MS;
  }

  async #write(): Promise<void> {
    const { tables, outage, clock } = this.#options;
    const began = clock.elapsed();
    const rows = this.#firstRows();
    try {
      await tables.put(rows);
      this.#failures = 0;
      this.#written += rows.length;
      this.#lastMs = clock.elapsed() - began;
      this.#drop(rows.length);
      this.#tellLost();
    } catch (error) {
      this.#failures += 1;
      outage.failed(error);
    }
  }

  #firstRows(): readonly MonitoringRow[] {
    const rows: MonitoringRow[] = [];
    let bytes = 0;
    for (const row of this.#rows.slice(this.#next, this.#next + TRANSACTION_ROWS)) {
      bytes += sizeOf(row);
      if (bytes > TRANSACTION_BYTES && rows.length > 0) break;
      rows.push(row);
    }
    return rows;
  }

  #tellLost(): void {
    const { outage, clock } = this.#options;
    const now = clock.elapsed();
    const isDue = this.#toldAt === undefined || now - this.#toldAt >= TELL_MS;
    if (outage.lasts) outage.worked(this.#lost);
    else if (this.#lost > 0 && isDue) outage.lost(this.#lost);
    else return;
    this.#toldAt = now;
    this.#lost = 0;
  }

  #drop(count: number): void {
    for (let left = count; left > 0; left -= 1) {
      const row = this.#rows[this.#next];
      if (row !== undefined) this.#bytes -= sizeOf(row);
      this.#next += 1;
    }
    if (this.#next < 1_000 || this.#next * 2 < this.#rows.length) return;
    this.#rows = this.#rows.slice(this.#next);
    this.#next = 0;
  }
}

function sizeOf({ body }: MonitoringRow): number {
  return body.length + ROW_BYTES;
}
