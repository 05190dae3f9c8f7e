/** A daemon as oned starts it, in this process, over tables in memory or the test's own, with a scripted oned at its pipe. */

import { createSocket } from "node:dgram";
import { connect } from "node:net";
import { PassThrough } from "node:stream";
import { fileURLToPath } from "node:url";
import { type RunningCoreDaemon, runCoreDaemon } from "../../gateway/monitor/dropin/core-daemon.ts";
import type { MonitoringRow, MonitoringTables } from "../../gateway/monitor/dropin/tables.ts";
import { monitorSettingsSchema } from "../../gateway/monitor/settings.ts";
import { type Clock, systemClock } from "../../shared/clock.ts";
import { type Logger, silentLogger } from "../../shared/log.ts";
import type { MessageType } from "../../shared/monitor/message.ts";
import type { RsaKey } from "../../shared/monitor/rsa.ts";
import { encodeTextMessage } from "../../shared/monitor/text.ts";
import { ScriptedOned } from "./scripted-oned.ts";

/** Rows by table, id and time, as the database has them. */
export class MemoryTables implements MonitoringTables {
  readonly name = "the test's database";
  readonly rows = new Map<string, MonitoringRow>();
  imports: ReadonlyMap<string, number> = new Map();
  /** What the next requests fail with. */
  failure: Error | undefined;
  puts = 0;
  closed = false;

  async put(rows: readonly MonitoringRow[]): Promise<void> {
    this.puts += 1;
    this.#fail();
    for (const row of rows) this.rows.set(`${row.kind} ${row.id} ${row.at}`, row);
  }

  async lastOfVms(vmIds: readonly number[]): Promise<readonly MonitoringRow[]> {
    this.#fail();
    const rows = this.all("vm").toSorted((one, other) => other.at - one.at);
    return vmIds.flatMap((vmId) => rows.find(({ id }) => id === vmId) ?? []);
  }

  async purge(kind: MonitoringRow["kind"], before: number): Promise<boolean> {
    this.#fail();
    for (const [key, row] of this.rows) if (row.kind === kind && row.at < before) this.rows.delete(key);
    return false;
  }

  async imported(): Promise<ReadonlyMap<string, number>> {
    return this.imports;
  }

  async close(): Promise<void> {
    this.closed = true;
  }

  all(kind: MonitoringRow["kind"]): readonly MonitoringRow[] {
    return [...this.rows.values()].filter((row) => row.kind === kind);
  }

  #fail(): void {
    if (this.failure !== undefined) throw this.failure;
  }
}

export interface TestCoreDaemonOptions {
  readonly tables?: MonitoringTables;
  readonly settings?: object;
  readonly clock?: Clock;
  readonly log?: Logger;
  readonly privateKey?: RsaKey;
  readonly port?: number;
}

export interface TestCoreDaemon {
  readonly oned: ScriptedOned;
  readonly port: number;
  /** Messages of agents that were taken in hand. */
  heard(type: MessageType): number;
  /** Settles when the daemon has ended. */
  readonly ended: Promise<void>;
  /** Ends oned's pipe, and waits for the daemon. */
  close(): Promise<void>;
}

export async function coreDaemon(options: TestCoreDaemonOptions = {}): Promise<TestCoreDaemon> {
  const { tables = new MemoryTables(), settings = {}, clock = systemClock, log = silentLogger } = options;
  const input = new PassThrough();
  const output = new PassThrough();
  const oned = new ScriptedOned(input, output);
  const listening = Promise.withResolvers<RunningCoreDaemon>();
  const ended = runCoreDaemon(
    {
      input,
      output,
      tables,
      settings: monitorSettingsSchema.parse({ drivers: [], ...settings }),
      host: "127.0.0.1",
      port: options.port ?? 0,
      ...(options.privateKey !== undefined && { privateKey: options.privateKey }),
      publicKey: "",
      driversDirectory: "/nonexistent",
      environment: { PATH: process.env.PATH },
      clock,
      log,
    },
    listening.resolve,
  ).finally(() => output.destroy());
  ended.catch(listening.reject);
  const { monitor: daemon } = await listening.promise;
  return {
    oned,
    port: daemon.address.port,
    heard: (type) => daemon.counts.messages.get(type) ?? 0,
    ended,
    async close() {
      oned.close();
      await ended;
    },
  };
}

/** IM_MAD text of the driver of monitor-driver.mjs, which notes what it hears in a file. */
export function driverText(name: string, behaviour: string, noteFile: string): string {
  const script = fileURLToPath(new URL("./monitor-driver.mjs", import.meta.url));
  return `${name} ${process.execPath} ${script} ${behaviour} ${noteFile}`;
}

export interface TextOf {
  readonly type: MessageType;
  readonly oid: number;
  readonly payload: string;
  readonly timestamp?: number;
  readonly status?: "SUCCESS" | "FAILURE";
}

export function text({ type, oid, payload, timestamp = 0, status = "SUCCESS" }: TextOf): Buffer {
  return encodeTextMessage({ type, status, oid, timestamp, payload });
}

export async function sendUdp(port: number, ...datagrams: readonly Uint8Array[]): Promise<void> {
  const socket = createSocket("udp4");
  try {
    for (const bytes of datagrams)
      await new Promise<void>((resolve, reject) =>
        socket.send(bytes, port, "127.0.0.1", (error) => (error ? reject(error) : resolve())),
      );
  } finally {
    socket.close();
  }
}

/** One message on a connection of its own, as OpenNebula's agents send STATE_VM. */
export async function sendTcp(port: number, bytes: Uint8Array): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => socket.end(bytes));
    socket.on("close", () => resolve());
    socket.on("error", reject);
    socket.resume();
  });
}
