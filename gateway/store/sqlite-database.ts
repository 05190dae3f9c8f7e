/** The database file itself, synchronous: its settings, one prepared statement a task, and what its errors mean. */

import { DatabaseSync, type StatementSync } from "node:sqlite";
import { errorText, GatehouseError } from "../../shared/errors.ts";
import { versionMismatch, type WriteFailure } from "./commit-queue.ts";
import { migrate } from "./migrations.ts";
import type { ChangeRow, ObjectRow } from "./sqlite-protocol.ts";

/** A page of load() ends at either bound (a body is counted in UTF-16 units). Pages of 4 MB cost 200 MB more RSS at a start. */
const MAX_PAGE_ROWS = 2_000;
const MAX_PAGE_CHARACTERS = 1_000_000;

/** Of a new file; migrations.ts has the measurement. */
const PAGE_BYTES = 8_192;

/** How long to wait for somebody else's look into the file (a backup, the sqlite3 shell). */
const BUSY_TIMEOUT_MS = 5_000;

/** SQLite's primary result code for a full disk (ENOSPC) and for a file at its max_page_count. */
const SQLITE_FULL = 13;

/** A change that does not follow the stored version. */
class VersionMismatch extends Error {
  readonly failure: WriteFailure;

  constructor([kind, key, version]: ChangeRow, row: number) {
    const failure = versionMismatch(kind, key, version, row);
    super(failure.message);
    this.failure = failure;
  }
}

export class SqliteDatabase {
  readonly #database: DatabaseSync;
  readonly #insert: StatementSync;
  readonly #update: StatementSync;
  readonly #delete: StatementSync;
  readonly #page: StatementSync;

  /** Opens or makes the file, and brings its schema up to date. Throws what `failureOf` understands. */
  constructor(path: string) {
    this.#database = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS, enableForeignKeyConstraints: true });
    try {
      this.#database.exec(
        `PRAGMA page_size = ${PAGE_BYTES}; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL`,
      );
      migrate(this.#database);
      this.#insert = this.#database.prepare(
        "INSERT INTO objects (kind, key, version, body) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
      );
      this.#update = this.#database.prepare(
        "UPDATE objects SET version = ?, body = ? WHERE kind = ? AND key = ? AND version = ?",
      );
      this.#delete = this.#database.prepare("DELETE FROM objects WHERE kind = ? AND key = ? AND version = ?");
      this.#page = this.#database.prepare(
        "SELECT kind, key, version, body FROM objects WHERE (kind, key) > (?, ?) ORDER BY kind, key LIMIT ?",
      );
    } catch (error) {
      this.#database.close();
      throw error;
    }
  }

  /** All rows or none, durable when it returns. */
  write(rows: readonly ChangeRow[]): void {
    if (rows.length === 0) return;
    this.#database.exec("BEGIN IMMEDIATE");
    try {
      rows.forEach((row, index) => {
        if (!this.#apply(row)) throw new VersionMismatch(row, index);
      });
      this.#database.exec("COMMIT");
    } catch (error) {
      // A full disk makes SQLite roll back by itself.
      if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
      throw error;
    }
  }

  /** False when the row does not follow the stored version. */
  #apply([kind, key, version, body]: ChangeRow): boolean {
    if (body === null) return this.#delete.run(kind, key, version - 1).changes === 1;
    if (version === 1) return this.#insert.run(kind, key, version, body).changes === 1;
    return this.#update.run(version, body, kind, key, version - 1).changes === 1;
  }

  /** The objects that follow this kind and key, in order; empty at the end. */
  page([kind, key]: readonly [string, string]): readonly ObjectRow[] {
    const rows: ObjectRow[] = [];
    let characters = 0;
    for (const row of this.#page.iterate(kind, key, MAX_PAGE_ROWS)) {
      const body = String(row.body);
      rows.push([String(row.kind), String(row.key), Number(row.version), body]);
      characters += body.length;
      if (characters >= MAX_PAGE_CHARACTERS) break;
    }
    return rows;
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
}

/** What a caller is told of an error of this file. */
export function failureOf(error: unknown): WriteFailure {
  if (error instanceof VersionMismatch) return error.failure;
  if (error instanceof GatehouseError) return { code: error.code, message: error.message };
  const text = errorText(error);
  const message = isFull(error)
    ? `The store cannot write, the disk is full (${text}): free some space.`
    : `The store failed: ${text}.`;
  return { code: "unavailable", message };
}

function isFull(error: unknown): boolean {
  return error instanceof Error && "errcode" in error && Number(error.errcode) % 256 === SQLITE_FULL;
}
