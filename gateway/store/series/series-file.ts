/** The file of the series, synchronous: its schema and settings, and transactions over the series of hosts and of VMs. */

import { existsSync, renameSync, rmSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { readReports, type Subject } from "./batch.ts";
import type { FileState, HistoryRequest, WorkerData } from "./protocol.ts";
import { SeriesTable } from "./series-table.ts";

const SCHEMA_VERSION = 1;

const SCHEMA = ["hosts", "vms"]
  .map(
    (subject) => `
CREATE TABLE raw_${subject} (key INTEGER PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE windows_${subject} (key INTEGER PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE pending_${subject} (host INTEGER NOT NULL, start INTEGER NOT NULL, PRIMARY KEY (host, start)) WITHOUT ROWID;`,
  )
  .join("");

/** How long to wait for somebody else's look into the file. */
const BUSY_TIMEOUT_MS = 5_000;

/** Windows made in one transaction: some milliseconds, since queries wait for it. */
const WINDOWS_AT_ONCE = 25;

/** SQLite's result codes for a file that is damaged, or no database. */
const DAMAGED: readonly number[] = [11, 26];

export class SeriesFile {
  readonly #database: DatabaseSync;
  readonly #tables: Readonly<Record<Subject, SeriesTable>>;

  /** Opens or makes the file. Throws what `isDamaged` knows, or another error that leaves the file as it is. */
  constructor(path: string, kept: Omit<WorkerData, "path">) {
    this.#database = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS });
    try {
      // A crash of the machine may cost the last seconds, one of the process nothing that was written.
      this.#database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL");
      makeSchema(this.#database);
      this.#tables = {
        hosts: new SeriesTable(this.#database, "hosts", kept),
        vms: new SeriesTable(this.#database, "vms", kept),
      };
    } catch (error) {
      this.#database.close();
      throw error;
    }
  }

  /** Stores a batch, all or nothing. */
  append(batch: Uint8Array): { reports: number; records: number } {
    const reports = readReports(batch);
    this.#transact(() => {
      for (const report of reports) this.#tables[report.subject].insert(report);
    });
    const records = reports.reduce((sum, report) => sum + (report.subject === "vms" ? report.records : 0), 0);
    return { reports: reports.length, records };
  }

  /** Does a little of what is due; whether there is more. Nothing expires before its window is made. */
  maintain(now: number): boolean {
    return this.#transact(() => {
      const made = this.#forBoth((table) => table.makeWindows(now, WINDOWS_AT_ONCE));
      if (made.some((count) => count > 0)) return true;
      return this.#forBoth((table) => table.purge(now)).includes(true);
    });
  }

  raw({ subject, id, spans }: HistoryRequest) {
    return this.#tables[subject].rawPoints(id, spans);
  }

  windows({ subject, id, spans }: HistoryRequest) {
    return this.#tables[subject].windowPoints(id, spans);
  }

  state(): FileState {
    const pages = Number(this.#database.prepare("PRAGMA page_count").get()?.page_count);
    const fileBytes = pages * Number(this.#database.prepare("PRAGMA page_size").get()?.page_size);
    const pending = this.#forBoth((table) => table.pendingWindows);
    return { fileBytes, pendingWindows: pending.reduce((sum, count) => sum + count, 0) };
  }

  /** Lets the file hold so many pages and no more: a quota, and how tests fill a disk. */
  limitPages(pages: number): void {
    this.#database.exec(`PRAGMA max_page_count = ${Math.trunc(pages)}`);
  }

  close(): void {
    try {
      this.#database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    } finally {
      this.#database.close();
    }
  }

  #forBoth<T>(work: (table: SeriesTable) => T): readonly T[] {
    return [work(this.#tables.hosts), work(this.#tables.vms)];
  }

  #transact<T>(work: () => T): T {
    this.#database.exec("BEGIN IMMEDIATE");
    try {
      const result = work();
      this.#database.exec("COMMIT");
      this.#forBoth((table) => table.settled());
      return result;
    } catch (error) {
      // A full disk makes SQLite roll back by itself.
      if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
      this.#forBoth((table) => table.undone());
      throw error;
    }
  }
}

function makeSchema(database: DatabaseSync): void {
  const version = Number(database.prepare("PRAGMA user_version").get()?.user_version);
  if (version > SCHEMA_VERSION)
    throw new Error(
      `its schema version ${version} is of a newer Gatehouse; this one knows ${SCHEMA_VERSION}`,
    );
  if (version === 0)
    database.exec(`BEGIN IMMEDIATE; ${SCHEMA}; PRAGMA user_version = ${SCHEMA_VERSION}; COMMIT`);
}

export function isDamaged(error: unknown): boolean {
  return error instanceof Error && "errcode" in error && DAMAGED.includes(Number(error.errcode) % 256);
}

/** Moves a damaged file out of the way, over one of an earlier time; where to. */
export function moveAway(path: string): string {
  const away = `${path}.damaged`;
  for (const suffix of ["", "-wal", "-shm"]) {
    rmSync(`${away}${suffix}`, { force: true });
    if (existsSync(`${path}${suffix}`)) renameSync(`${path}${suffix}`, `${away}${suffix}`);
  }
  return away;
}
