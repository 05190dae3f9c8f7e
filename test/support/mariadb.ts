/** A MariaDB server of the test's own, in a folder of its own, on a free port of loopback. */

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { createConnection } from "mysql2/promise";
import type { MysqlOptions } from "../../gateway/monitor/dropin/mysql-tables.ts";
import { freePort } from "./free-port.ts";

export const MARIADB = findProgram("mariadbd");
const INSTALL = findProgram("mariadb-install-db");

/** Why a test that needs the server is skipped; undefined: it is not. */
export const NO_MARIADB =
  MARIADB === undefined || INSTALL === undefined ? "mariadbd is not installed here" : undefined;

export interface MariaDb {
  /** Of the user that monitord would be. */
  readonly options: MysqlOptions;
  /** As the server's root: the rows of a query. */
  query(sql: string): Promise<readonly Readonly<Record<string, unknown>>[]>;
  stop(): Promise<void>;
  start(): Promise<void>;
  close(): Promise<void>;
}

/** With a user, and a database of which `statements` make the tables. */
export async function openMariaDb(statements: readonly string[]): Promise<MariaDb> {
  const folder = mkdtempSync(join(tmpdir(), "mariadb-"));
  const data = join(folder, "data");
  const socket = join(folder, "s");
  const user = userInfo().username;
  const port = await freePort();
  const common = ["--no-defaults", `--datadir=${data}`, `--user=${user}`];
  execFileSync(INSTALL ?? "", [...common, "--auth-root-authentication-method=normal", "--skip-test-db"], {
    stdio: "ignore",
  });
  let child: ChildProcess | undefined;
  const start = async (): Promise<void> => {
    const network = ["--bind-address=127.0.0.1", `--port=${port}`, `--socket=${socket}`];
    const small = ["--innodb-buffer-pool-size=16M", `--pid-file=${join(folder, "pid")}`];
    // What is committed outlives the server, and need not outlive the machine.
    small.push("--innodb-flush-log-at-trx-commit=2");
    const started = spawn(MARIADB ?? "", [...common, ...network, ...small], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    child = started;
    let told = "";
    await new Promise<void>((resolve, reject) => {
      started.stderr.on("data", (piece: Buffer) => {
        told += piece.toString();
        if (told.includes("ready for connections")) resolve();
      });
      started.once("exit", () => reject(new Error(`mariadbd ended: ${told.slice(-2_000)}`)));
    });
  };
  const stop = async (): Promise<void> => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  };
  const query = async (sql: string) => {
    const connection = await createConnection({ socketPath: socket, user: "root" });
    try {
      const [rows] = await connection.query(sql);
      return Array.isArray(rows) ? rows.map((row) => ({ ...row })) : [];
    } finally {
      await connection.end();
    }
  };
  await start();
  const options = {
    server: "127.0.0.1",
    port,
    user: "oneadmin",
    password: "it's a pass",
    database: "opennebula",
  };
  await query("CREATE DATABASE opennebula CHARACTER SET latin1");
  await query(`CREATE USER oneadmin@'%' IDENTIFIED BY "it's a pass"`);
  await query("GRANT ALL ON opennebula.* TO oneadmin@'%'");
  for (const statement of statements)
    await query(statement.replace("CREATE TABLE ", "CREATE TABLE opennebula."));
  return {
    options,
    query,
    start,
    stop,
    async close() {
      await stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function findProgram(name: string): string | undefined {
  try {
    const path = `${process.env.PATH ?? ""}:/usr/sbin:/usr/libexec`;
    return execFileSync("/bin/sh", ["-c", `command -v ${name}`], { env: { PATH: path } })
      .toString()
      .trim();
  } catch {
    return undefined;
  }
}
