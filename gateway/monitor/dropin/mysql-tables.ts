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

/** One statement stays far below max_allowed_packet, which is 16 MB by default. */
const STATEMENT_ROWS = 500;

/** MySQL's own client takes "localhost" for the socket; these are where Debian, RHEL and the sources put it. */
const SOCKETS = ["/run/mysqld/mysqld.sock", "/var/lib/mysql/mysql.sock", "/tmp/mysql.sock"];

export function mysqlTables(options: MysqlOptions): MonitoringTables {
  return new MysqlTables(options);
}

class MysqlTables implements MonitoringTables {
  readonly #options: MysqlOptions;
  /** One at a time: requests come one after another. */
  #turn: Promise<unknown> = Promise.resolve();
  #connection: Connection | undefined;

  constructor(options: MysqlOptions) {
    this.#options = options;
  }

  get name(): string {
    const { server, database } = this.#options;
    return `the MySQL database ${database} on ${server}`;
  }

  put(rows: readonly MonitoringRow[]): Promise<void> {
    return this.#inTurn(async (connection) => {
      await connection.beginTransaction();
      for (const kind of ["host", "vm"] as const) {
        const mine = rows.filter((row) => row.kind === kind).map(({ id, at, body }) => [id, at, body]);
        const { table, id, at } = COLUMNS[kind];
        const sql = `REPLACE INTO ${table} (${id}, ${at}, body) VALUES ?`;
        for (let from = 0; from < mine.length; from += STATEMENT_ROWS)
          await connection.query({ sql, timeout: QUERY_MS }, [mine.slice(from, from + STATEMENT_ROWS)]);
      }
      await connection.commit();
    });
  }

  lastOfVms(vmIds: readonly number[]): Promise<readonly MonitoringRow[]> {
    const { table, id, at } = COLUMNS.vm;
    const newest = `SELECT ${id}, MAX(${at}) AS ${at} FROM ${table} WHERE ${id} IN (?) GROUP BY ${id}`;
    const sql = `SELECT ${id}, ${at}, body FROM ${table} JOIN (${newest}) newest USING (${id}, ${at})`;
    return this.#inTurn(async (connection) => {
      const [rows] = await connection.query<RowDataPacket[]>({ sql, timeout: QUERY_MS }, [vmIds]);
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
      const [{ affectedRows }] = await connection.query<ResultSetHeader>({ sql, timeout: QUERY_MS }, [
        before,
      ]);
      return affectedRows === PURGE_ROWS;
    });
  }

  imported(): Promise<ReadonlyMap<string, number>> {
    const sql = `SELECT deploy_id, vmid FROM vm_import LIMIT ${MAX_IMPORTED}`;
    return this.#inTurn(async (connection) => {
      const [rows] = await connection.query<RowDataPacket[]>({ sql, timeout: QUERY_MS });
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

function placeOf({
  server,
  port,
}: MysqlOptions): { readonly socketPath: string } | { readonly host: string; readonly port: number } {
  const socketPath = server === "localhost" ? SOCKETS.find((path) => existsSync(path)) : undefined;
  return socketPath === undefined ? { host: server, port: port === 0 ? USUAL_PORT : port } : { socketPath };
}
