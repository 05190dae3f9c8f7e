/** What the monitoring daemon reads of oned.conf: where the database is, and where hosts keep datastores. */

import { join } from "node:path";
import { errorText, GatehouseError } from "../../shared/errors.ts";
import { parseTemplate } from "../../shared/template/parse.ts";
import { stringOf, type Vector, vectorOf } from "../../shared/template/types.ts";
import type { MysqlOptions } from "../monitor/dropin/mysql-tables.ts";
import type { SqliteOptions } from "../monitor/dropin/sqlite-protocol.ts";

export type OnedDatabase =
  | { readonly backend: "sqlite"; readonly options: SqliteOptions }
  | { readonly backend: "mysql"; readonly options: MysqlOptions };

export interface OnedConf {
  readonly database: OnedDatabase;
  readonly datastoreLocation: string | undefined;
}

/** oned's own, for how long its SQLite waits. */
const BUSY_MS = 2_500;
const MAX_BUSY_MS = 60_000;

/**
 * @param varLocation where oned keeps one.db.
 * @throws GatehouseError `bad_request` for a file that cannot be read so. Never with a value: one is a password.
 */
export function readOnedConf(file: string, text: string, varLocation: string): OnedConf {
  const template = parsed(file, text);
  return {
    database: databaseOf(file, vectorOf(template, "DB") ?? {}, varLocation),
    datastoreLocation: stringOf(template, "DATASTORE_LOCATION"),
  };
}

function parsed(file: string, text: string) {
  try {
    return parseTemplate(text);
  } catch (cause) {
    // The parser quotes what it found only where a value begins or ends.
    throw new GatehouseError("bad_request", `${file} cannot be read: ${errorText(cause)}`, { cause });
  }
}

function databaseOf(file: string, db: Vector, varLocation: string): OnedDatabase {
  const backend = (db.BACKEND ?? "sqlite").toLowerCase();
  if (backend === "sqlite") {
    const busyMs = Math.min(numberOf(file, "TIMEOUT", db.TIMEOUT, BUSY_MS), MAX_BUSY_MS);
    return { backend, options: { path: join(varLocation, "one.db"), busyMs } };
  }
  if (backend !== "mysql")
    throw new GatehouseError("bad_request", `${file} has an unknown DB/BACKEND: sqlite or mysql is allowed.`);
  const options = {
    server: db.SERVER ?? "localhost",
    port: numberOf(file, "PORT", db.PORT, 0),
    user: db.USER ?? "oneadmin",
    password: db.PASSWD ?? "oneadmin",
    database: db.DB_NAME ?? "opennebula",
  };
  return { backend, options };
}

function numberOf(file: string, name: string, text: string | undefined, byDefault: number): number {
  if (text === undefined || text.trim() === "") return byDefault;
  if (/^\d{1,9}$/.test(text.trim())) return Number(text);
  throw new GatehouseError("bad_request", `${file} has a DB/${name} that is no whole number.`);
}
