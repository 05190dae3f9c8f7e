/** A front-end of OpenNebula as its monitoring daemon finds it: folders below ONE_LOCATION, its own files, and one.db with oned's tables. */

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { ScriptedOned } from "./scripted-oned.ts";

const EXECUTABLE = fileURLToPath(new URL("../../gateway/cli/bin/gatehouse-monitord.js", import.meta.url));
const AGENT = fileURLToPath(new URL("../../gateway/cli/bin/gatehouse-agent.js", import.meta.url));
const DRIVER = fileURLToPath(new URL("./monitor-driver.mjs", import.meta.url));

/** As oned makes them (spec monitoring.md 9). */
export const TABLES = [
  "CREATE TABLE host_monitoring (hid INTEGER, last_mon_time INTEGER, body MEDIUMTEXT, PRIMARY KEY(hid, last_mon_time))",
  "CREATE TABLE vm_monitoring (vmid INTEGER, last_poll INTEGER, body MEDIUMTEXT, PRIMARY KEY(vmid, last_poll))",
  "CREATE TABLE vm_import (deploy_id VARCHAR(128), vmid INTEGER, PRIMARY KEY(deploy_id))",
];

export interface OneSite {
  readonly folder: string;
  /** oned's own connection. */
  readonly database: DatabaseSync;
  /** What the driver was told, and what the daemon logged. */
  notes(): string;
  log(): string;
  /** What `--check` says, and its exit code. */
  check(): { readonly status: number | null; readonly stdout: string; readonly stderr: string };
  /** Starts the daemon as oned does: all its arguments in one word, standard error closed. */
  start(): Promise<OneDaemon>;
  close(): Promise<void>;
}

export interface OneDaemon {
  readonly child: ChildProcess;
  readonly oned: ScriptedOned;
  /** Where agents reach it; rejects when it ends before. */
  port(): Promise<number>;
  /** The exit status, or the signal. */
  ended(): Promise<number | string>;
}

export interface OneSiteOptions {
  /** Of monitord.conf, beside NETWORK and the driver. */
  readonly monitord?: string;
  /** 0: any that is free. */
  readonly port?: number;
  readonly network?: string;
  /** What its driver does (monitor-driver.mjs), and with which further word. */
  readonly driver?: string;
  /** Of oned.conf, DB. */
  readonly db?: string;
  /** The daemon has a home, below the folder. */
  readonly home?: boolean;
}

export function oneSite(options: OneSiteOptions = {}): OneSite {
  const {
    monitord = "",
    port = 0,
    network = "",
    driver: behaviour = "works",
    db = 'BACKEND = "sqlite", TIMEOUT = 2500',
    home = false,
  } = options;
  const folder = mkdtempSync(join(tmpdir(), "one-site-"));
  for (const name of ["etc", "var"]) mkdirSync(join(folder, name));
  const noteFile = join(folder, "notes");
  const driver = `NAME = "kvm", EXECUTABLE = "${process.execPath}", ARGUMENTS = "${DRIVER} ${behaviour} ${noteFile} ${join(folder, "agent")}", THREADS = 0`;
  const conf = [
    '# as shipped\nDB = [ CONNECTIONS = 15 ]\nLOG = [ SYSTEM = "FILE", DEBUG_LEVEL = 3 ]',
    `NETWORK = [ ADDRESS = "127.0.0.1", MONITOR_ADDRESS = "auto", PORT = ${port}, THREADS = 8${network} ]`,
    `IM_MAD = [ ${driver} ]`,
    monitord,
  ];
  writeFileSync(join(folder, "etc", "monitord.conf"), `${conf.join("\n")}\n`);
  writeFileSync(join(folder, "etc", "oned.conf"), `PORT = 2633\nDB = [ ${db} ]\n`);
  const database = new DatabaseSync(join(folder, "var", "one.db"), { timeout: 2_500 });
  for (const table of TABLES) database.exec(table);
  const children: ChildProcess[] = [];
  const read = (...names: string[]): string => {
    try {
      return readFileSync(join(folder, ...names), "utf8");
    } catch {
      return "";
    }
  };
  const log = () => read("var", "monitor.log");

  return {
    folder,
    database,
    notes: () => read("notes"),
    log,
    check: () =>
      spawnSync(process.execPath, [EXECUTABLE, "--check"], {
        encoding: "utf8",
        env: { PATH: process.env.PATH, ONE_LOCATION: folder },
      }),
    async start() {
      const before = log().length;
      const words = `-c monitord.conf${home ? ` --home ${join(folder, "home")}` : ""}`;
      const command = ['exec "$@" 2>&-', "oned", process.execPath, EXECUTABLE, words];
      const child = spawn("/bin/sh", ["-c", ...command], {
        stdio: ["pipe", "pipe", "ignore"],
        env: { PATH: process.env.PATH, ONE_LOCATION: folder },
      });
      children.push(child);
      const exited = once(child, "exit").then(([status, signal]) => status ?? signal);
      const oned = new ScriptedOned(child.stdin, child.stdout);
      return {
        child,
        oned,
        ended: () => exited,
        async port() {
          for (;;) {
            const [, port] = / Agents are heard .*port=(\d+)/.exec(log().slice(before)) ?? [];
            if (port !== undefined) return Number(port);
            if (child.exitCode !== null) throw new Error(`the daemon ended: ${log()}`);
            await new Promise((resolve) => setImmediate(resolve));
          }
        },
      };
    },
    async close() {
      for (const child of children) {
        if (child.exitCode !== null || child.signalCode !== null) continue;
        child.kill("SIGKILL");
        await once(child, "exit");
      }
      if (behaviour === "agent")
        spawnSync(process.execPath, [AGENT, "stop", "--state-dir", join(folder, "agent")]);
      if (database.isOpen) database.close();
      // A driver whose daemon was killed may write a last line.
      rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
    },
  };
}
