/** The thread that owns the connection to one.db: it may wait for oned's writes, and nobody else waits with it. */

import { existsSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import { errorText } from "../../../shared/errors.ts";
import type { Answer, Request, SqliteOptions } from "./sqlite-protocol.ts";
import { COLUMNS, MAX_IMPORTED, type MonitoringRow, PURGE_ROWS } from "./tables.ts";

const DONE: Answer = { type: "done" };

class OneDatabase {
  readonly #options: SqliteOptions;
  #database: DatabaseSync | undefined;

  constructor(options: SqliteOptions) {
    this.#options = options;
  }

  answer(request: Request): Answer {
    try {
      return request.type === "close" ? this.close() : this.#work(this.#open(), request);
    } catch (error) {
      // Another file may stand there next time: a restored one, or one whose disk came back.
      this.close();
      return { type: "failed", reason: errorText(error) };
    }
  }

  close(): Answer {
    try {
      this.#database?.close();
    } catch {
      // It holds nothing that was promised.
    }
    this.#database = undefined;
    return DONE;
  }

  /** Never makes the file, nor changes how it is kept: both are oned's. */
  #open(): DatabaseSync {
    const { path, busyMs } = this.#options;
    if (this.#database !== undefined) return this.#database;
    if (!existsSync(path)) throw new Error(`there is no database ${path}`);
    this.#database = new DatabaseSync(path, { timeout: busyMs });
    return this.#database;
  }

  #work(database: DatabaseSync, request: Exclude<Request, { type: "close" }>): Answer {
    switch (request.type) {
      case "put":
        put(database, request.rows);
        return DONE;
      case "last":
        return { type: "last", rows: lastOfVms(database, request.vmIds) };
      case "purge":
        return { type: "purged", more: purge(database, request.kind, request.before) };
      case "imported":
        return { type: "imported", vms: imported(database) };
    }
  }
}

/** What fails ends with its connection, and so does its transaction. */
function put(database: DatabaseSync, rows: readonly MonitoringRow[]): void {
  database.exec("BEGIN IMMEDIATE");
  for (const kind of ["host", "vm"] as const) {
    const { table, id, at } = COLUMNS[kind];
    const mine = rows.filter((row) => row.kind === kind);
    if (mine.length === 0) continue;
    const statement = database.prepare(`REPLACE INTO ${table} (${id}, ${at}, body) VALUES (?, ?, ?)`);
    for (const row of mine) statement.run(row.id, row.at, row.body);
  }
  database.exec("COMMIT");
}

/** The key's own index finds each at once. */
function lastOfVms(database: DatabaseSync, vmIds: readonly number[]): readonly MonitoringRow[] {
  const { table, id, at } = COLUMNS.vm;
  const newest = database.prepare(
    `SELECT ${at} AS at, body FROM ${table} WHERE ${id} = ? ORDER BY ${at} DESC LIMIT 1`,
  );
  return vmIds.flatMap((vmId) => {
    const row = newest.get(vmId);
    return row === undefined ? [] : [{ kind: "vm", id: vmId, at: Number(row.at), body: String(row.body) }];
  });
}

/** Rows are found in the key's own index, which holds no bodies. */
function purge(database: DatabaseSync, kind: MonitoringRow["kind"], before: number): boolean {
  const { table, at } = COLUMNS[kind];
  const old = `SELECT rowid FROM ${table} WHERE ${at} < ? LIMIT ${PURGE_ROWS}`;
  const { changes } = database.prepare(`DELETE FROM ${table} WHERE rowid IN (${old})`).run(before);
  return Number(changes) === PURGE_ROWS;
}

function imported(database: DatabaseSync): readonly (readonly [string, number])[] {
  const rows = database.prepare(`SELECT deploy_id, vmid FROM vm_import LIMIT ${MAX_IMPORTED}`).all();
  return rows.map((row) => [String(row.deploy_id), Number(row.vmid)]);
}

function serve(options: SqliteOptions, port: MessagePort): void {
  const owner = new OneDatabase(options);
  port.postMessage(DONE);
  port.on("message", (request: Request) => {
    port.postMessage(owner.answer(request));
    if (request.type === "close") port.close();
  });
}

if (parentPort !== null) serve(workerData, parentPort);
