/** The schema of the SQLite store, as numbered steps that only go forward; `PRAGMA user_version` counts those taken. */

import type { DatabaseSync } from "node:sqlite";
import { GatehouseError } from "../../shared/errors.ts";

/**
 * Never edit a step that was released: add the next one.
 *
 * `objects` keeps its rowid: rows of some 2.4 KB spill out of a WITHOUT ROWID tree into overflow pages. Measured with
 * 100,000 of them: 275 MB with a rowid and 8 KiB pages, 466 MB without one and 4 KiB, and half the commits a second.
 */
const MIGRATIONS: readonly string[] = [
  `CREATE TABLE objects (
     kind TEXT NOT NULL,
     key TEXT NOT NULL,
     version INTEGER NOT NULL,
     body TEXT NOT NULL,
     PRIMARY KEY (kind, key)
   )`,
];

/** The schema version that this code reads and writes. */
export const SCHEMA_VERSION = MIGRATIONS.length;

/**
 * Brings the database to SCHEMA_VERSION, one transaction a step.
 * @throws GatehouseError `conflict` when a newer Gatehouse wrote it: nothing is touched then.
 */
export function migrate(database: DatabaseSync): void {
  const found = schemaVersion(database);
  if (found > SCHEMA_VERSION) {
    throw new GatehouseError(
      "conflict",
      `The store has schema version ${found}, written by a newer Gatehouse; this one knows versions up to ${SCHEMA_VERSION}: run the newer one, or choose another home.`,
    );
  }
  MIGRATIONS.slice(found).forEach((step, index) => {
    database.exec(`BEGIN IMMEDIATE; ${step}; PRAGMA user_version = ${found + index + 1}; COMMIT`);
  });
}

function schemaVersion(database: DatabaseSync): number {
  return Number(database.prepare("PRAGMA user_version").get()?.user_version);
}
