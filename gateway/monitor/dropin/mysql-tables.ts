/**
 * The tables in OpenNebula's MySQL or MariaDB. The library is loaded when such a database is configured, and not before.
 * Bodies are ASCII, so no character set of the tables can refuse one.
 */

import { existsSync } from "node:fs";
import type { Connection, ResultSetHeader, RowDataPacket } from "mysql2/promise";
import { COLUMNS, MAX_IMPORTED, type MonitoringRow, type MonitoringTables, PURGE_ROWS } from "./tables.ts";

export interface MysqlOptions {
  readonly server: string;
  /** 0: the usual one. */
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

const USUAL_PORT = 3306;
const CONNECT_MS = 5_000;
/** A query that takes longer is given up with its connection. */
const QUERY_MS = 10_000;

/** One statement stays below max_allowed_packet, 4 MB or more by default, however much of it must be escaped. */
const STATEMENT_ROWS = 500;
const STATEMENT_CHARACTERS = 1024 * 1024;

/** MySQL's own client takes "localhost" for the socket; these are where Debian, RHEL and the sources put it. */
const SOCKETS = ["/run/mysqld/mysqld.sock", "/var/lib/mysql/mysql.sock", "/tmp/mysql.sock"];

export function mysqlTables(options: MysqlOptions, queryMs = QUERY_MS): MonitoringTables {
  return new MysqlTables(options, queryMs);
}

class MysqlTables implements MonitoringTables {
  readonly #options: MysqlOptions;
  readonly #queryMs: number;
  /** One at a time: requests come one after another. */
  #turn: Promise<unknown> = Promise.resolve();
  #connection: Connection | undefined;

  constructor(options: MysqlOptions, queryMs: number) {
    this.#options = options;
    this.#queryMs = queryMs;
  }

  get name(): string {
    const { server, database } = this.#options;
    return `the MySQL database ${database} on ${server}`;
  }

  put(rows: readonly MonitoringRow[]): Promise<void> {
    return this.#inTurn(async (connection) => {
      // The library's own functions for these two would wait for ever where the server is stuck.
      await connection.query({ sql: "START TRANSACTION", timeout: this.#queryMs });
      for (const kind of ["host", "vm"] as const) {
        const mine = rows.filter((row) => row.kind === kind);
        const { table, id, at } = COLUMNS[kind];
        const sql = `REPLACE INTO ${table} (${id}, ${at}, body) VALUES ?`;
        for (const some of statementsOf(mine)) {
          const values = some.map((row) => [row.id, row.at, row.body]);
          await connection.query({ sql, timeout: this.#queryMs }, [values]);
        }
      }
      await connection.query({ sql: "COMMIT", timeout: this.#queryMs });
    });
  }

  lastOfVms(vmIds: readonly number[]): Promise<readonly MonitoringRow[]> {
    const { table, id, at } = COLUMNS.vm;
    const newest = `SELECT ${id}, MAX(${at}) AS ${at} FROM ${table} WHERE ${id} IN (?) GROUP BY ${id}`;
    const sql = `SELECT ${id}, ${at}, body FROM ${table} JOIN (${newest}) newest USING (${id}, ${at})`;
    return this.#inTurn(async (connection) => {
      const [rows] = await connection.query<RowDataPacket[]>({ sql, timeout: this.#queryMs }, [vmIds]);
      return rows.map((row) => ({
        kind: "vm",
        id: Number(row[id]),
        at: Number(row[at]),
        body: String(row.body),
      }));
    });
  }

  purge(kind: MonitoringRow["kind"], before: number): Promise<boolean> {
    const { table, at } = COLUMNS[kind];
    const sql = `DELETE FROM ${table} WHERE ${at} < ? LIMIT ${PURGE_ROWS}`;
    return this.#inTurn(async (connection) => {
      const [{ affectedRows }] = await connection.query<ResultSetHeader>({ sql, timeout: this.#queryMs }, [
        before,
      ]);
      return affectedRows === PURGE_ROWS;
    });
  }

  imported(): Promise<ReadonlyMap<string, number>> {
    const sql = `SELECT deploy_id, vmid FROM vm_import LIMIT ${MAX_IMPORTED}`;
    return this.#inTurn(async (connection) => {
      const [rows] = await connection.query<RowDataPacket[]>({ sql, timeout: this.#queryMs });
      return new Map(rows.map((row) => [String(row.deploy_id), Number(row.vmid)]));
    });
  }

  async close(): Promise<void> {
    await this.#turn;
    await this.#connection?.end().catch(() => undefined);
    this.#connection = undefined;
  }

  /** What fails takes its connection with it, and its transaction. */
  #inTurn<T>(work: (connection: Connection) => Promise<T>): Promise<T> {
    const done = this.#turn.then(async () => {
      const connection = await this.#connected();
      try {
        return await work(connection);
      } catch (error) {
        this.#drop(connection);
        throw error;
      }
    });
    this.#turn = done.catch(() => undefined);
    return done;
  }

  async #connected(): Promise<Connection> {
    if (this.#connection !== undefined) return this.#connection;
    const { createConnection } = await import("mysql2/promise");
    const { user, password, database } = this.#options;
    const connection = await createConnection({
      ...placeOf(this.#options),
      user,
      password,
      database,
      connectTimeout: CONNECT_MS,
    });
    // Told between two queries, when the server goes.
    connection.on("error", () => this.#drop(connection));
    this.#connection = connection;
    return connection;
  }

  #drop(connection: Connection): void {
    connection.destroy();
    if (this.#connection === connection) this.#connection = undefined;
  }
}

/** The rows of each statement, in their order. */
function statementsOf(rows: readonly MonitoringRow[]): readonly (readonly MonitoringRow[])[] {
  const statements: MonitoringRow[][] = [];
  let last: MonitoringRow[] = [];
  let characters = 0;
  for (const row of rows) {
    const isFull = last.length >= STATEMENT_ROWS || characters + row.body.length > STATEMENT_CHARACTERS;
    if (statements.length === 0 || isFull) {
      last = [];
      characters = 0;
      statements.push(last);
    }
    last.push(row);
    characters += row.body.length;
  }
  return statements;
}

function placeOf({
  server,
  port,
}: MysqlOptions): { readonly socketPath: string } | { readonly host: string; readonly port: number } {
  const socketPath = server === "localhost" ? SOCKETS.find((path) => existsSync(path)) : undefined;
  return socketPath === undefined ? { host: server, port: port === 0 ? USUAL_PORT : port } : { socketPath };
}
