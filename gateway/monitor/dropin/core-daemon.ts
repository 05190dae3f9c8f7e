/** The monitoring daemon as oned starts it: hears agents, does what oned says, and ends with oned's pipe. */

import type { Readable, Writable } from "node:stream";
import { type Clock, epochSeconds } from "../../../shared/clock.ts";
import { errorText, GatehouseError, isGatehouseError } from "../../../shared/errors.ts";
import type { Logger } from "../../../shared/log.ts";
import type { RsaKey } from "../../../shared/monitor/rsa.ts";
import { memoryStore } from "../../store/memory.ts";
import type { Store } from "../../store/store.ts";
import { type MonitorDaemon, openMonitor } from "../daemon.ts";
import type { MonitorSettings } from "../settings.ts";
import { DriverAgents } from "../start-driver.ts";
import { coreLogger } from "./core-log.ts";
import { CoreMonitoring } from "./core-monitoring.ts";
import { CoreOrders } from "./core-orders.ts";
import { CorePipe } from "./core-pipe.ts";
import { Expiry } from "./expiry.ts";
import { FirstReadings } from "./first-readings.ts";
import { KnownHosts } from "./known-hosts.ts";
import { Outage } from "./outage.ts";
import { RowWriter } from "./row-writer.ts";
import type { MonitoringTables } from "./tables.ts";

/** For a database that is locked or stuck at the end. */
const WRITE_MS = 3_000;

export interface CoreDaemonOptions {
  /** From oned, and to it. */
  readonly input: Readable;
  readonly output: Writable;
  /** Closed at the end. */
  readonly tables: MonitoringTables;
  /** Where sealed agents are remembered; it stays open. Undefined: none can enrol. */
  readonly store?: Store | undefined;
  readonly settings: MonitorSettings;
  readonly host: string;
  readonly port: number;
  /** PRIKEY. */
  readonly privateKey?: RsaKey | undefined;
  /** PUBKEY's text; empty: agents send in clear. */
  readonly publicKey: string;
  /** Where executables of drivers are that are named without a path. */
  readonly driversDirectory: string;
  readonly datastoreLocation?: string | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly log: Logger;
}

/** A daemon that hears agents, for whoever shows it to people. */
export interface RunningCoreDaemon {
  readonly monitor: MonitorDaemon;
  readonly hosts: KnownHosts;
  readonly rows: RowWriter;
  readonly orders: CoreOrders;
}

/**
 * Resolves when oned has closed the pipe or said FINALIZE, and everything that can be stored is.
 * @param onListening told once agents are heard.
 * @throws GatehouseError `conflict` when the port is taken, `unavailable` when it cannot be used.
 */
export async function runCoreDaemon(
  options: CoreDaemonOptions,
  onListening: (running: RunningCoreDaemon) => void = () => undefined,
): Promise<void> {
  const parts = assemble(options);
  const { pipe, expiry, rows, monitoring, hosts, first, log } = parts;
  const { tables, clock, settings } = options;
  let drivers: DriverAgents | undefined;
  try {
    const daemon = await openDaemon(options, parts);
    drivers = driversOf(options, parts, daemon);
    const onFollow = () => pipe.dropReports();
    const orders = new CoreOrders({ hosts, drivers, monitoring, daemon, onFollow, settings, clock, log });
    parts.follow(orders);
    const cancel = everyInterval(clock, settings.hostIntervalS, async () => {
      monitoring.noteOffline(await hosts.list(), epochSeconds(clock));
      monitoring.forget(epochSeconds(clock));
    });
    expiry.start();
    onListening({ monitor: daemon, hosts, rows, orders });
    await pipe.read();
    log.info({}, "oned has closed the pipe; the daemon ends");
    cancel();
    orders.close();
    await daemon.close();
  } finally {
    // oned gives its daemon a few seconds: what was heard is written while drivers end.
    first.close();
    const written = Promise.all([expiry.close(), rows.close()]).then(() => tables.close());
    await Promise.all([within(clock, WRITE_MS, written), drivers?.close()]);
    if (rows.waiting > 0)
      log.warn({ readings: rows.waiting }, "What the database did not take in time is lost");
  }
}

type Parts = ReturnType<typeof assemble>;

function assemble(options: CoreDaemonOptions) {
  const { input, output, tables, settings, clock } = options;
  const { hostS, vmS } = settings.retention;
  let orders: CoreOrders | undefined;
  const pipe: CorePipe = new CorePipe({
    input,
    output,
    onLine: (line) => orders?.take(line),
    onBroken: (reason) => log.warn({ reason }, "A line of oned cannot be read, and is left out"),
  });
  const log = coreLogger(options.log, clock, (line) => pipe.send(line));
  const outage = new Outage(tables.name, log);
  const rows = new RowWriter({ tables, outage, clock });
  const expiry = new Expiry({ tables, outage, keptS: { host: hostS, vm: vmS }, clock });
  const hosts = new KnownHosts();
  const first: FirstReadings = new FirstReadings({
    tables,
    outage,
    clock,
    onReady: (vmId, last, waited) => monitoring.resume(vmId, last, waited),
  });
  const monitoring: CoreMonitoring = new CoreMonitoring({
    hostOf: (hostId) => hosts.get(hostId),
    expectState: (hostId, state) => hosts.expectState(hostId, state),
    isLeader: () => orders?.isLeader ?? false,
    send: (line, topic) => pipe.send(line, topic),
    keep: (row) => rows.add(row),
    keeps: { host: hostS > 0, vm: vmS > 0 },
    importedAs: (deployId) => expiry.importedAs(deployId),
    holdFirst: (vmId, reading) => first.hold(vmId, reading),
  });
  const follow = (made: CoreOrders): void => {
    orders = made;
  };
  const isOpen = () => orders?.isLeader === true && hosts.isTold;
  return { pipe, log, rows, expiry, hosts, first, monitoring, follow, isOpen };
}

/** oned that was killed and started again may have its former daemon still ending; it waits 10 s for the answer to INIT. */
const PORT_WAIT_MS = 5_000;
const PORT_PAUSE_MS = 250;

async function openDaemon(options: CoreDaemonOptions, parts: Parts): Promise<MonitorDaemon> {
  const { clock } = options;
  const until = clock.elapsed() + PORT_WAIT_MS;
  for (;;) {
    try {
      return await openOnce(options, parts);
    } catch (error) {
      const isTaken = isGatehouseError(error) && error.code === "conflict";
      if (!isTaken) throw error;
      if (clock.elapsed() >= until) throw taken(options, error);
      await new Promise<void>((resolve) => clock.after(PORT_PAUSE_MS, resolve));
    }
  }
}

function taken({ host, port }: CoreDaemonOptions, cause: unknown): GatehouseError {
  return new GatehouseError(
    "conflict",
    `The port ${port} of ${host} is taken for UDP or TCP: another monitoring daemon runs, or NETWORK/PORT of monitord.conf is another program's.`,
    { cause },
  );
}

async function openOnce(options: CoreDaemonOptions, { hosts, monitoring, isOpen, log }: Parts) {
  const { store = memoryStore(), settings, host, port, privateKey, clock } = options;
  return await openMonitor({
    cloud: { monitoring, hosts, vms: { peek: () => undefined } },
    onExecutions: (hostId, reading, at) => {
      monitoring
        .vmExecutions(hostId, reading, at)
        .catch((error: unknown) => log.warn({ host: hostId, reason: errorText(error) }, "EXEC_VM was lost"));
    },
    store,
    isOpen,
    settings,
    host,
    port,
    privateKey,
    clock,
    log,
  });
}

function driversOf(
  { settings, publicKey, driversDirectory, datastoreLocation, environment, clock }: CoreDaemonOptions,
  { log }: Parts,
  daemon: MonitorDaemon,
): DriverAgents {
  const { drivers, address, periods } = settings;
  return new DriverAgents({
    drivers,
    directory: driversDirectory,
    configuration: () => ({ address, port: daemon.address.port, publicKey, periods, datastoreLocation }),
    take: (message) => daemon.takeText(message),
    environment,
    clock,
    log,
  });
}

/** Resolves with the work, or without it when the time is over. */
async function within(clock: Clock, ms: number, work: Promise<void>): Promise<void> {
  const { promise: over, resolve } = Promise.withResolvers<void>();
  const cancel = clock.after(ms, resolve);
  await Promise.race([work, over]);
  cancel();
}

function everyInterval(clock: Clock, seconds: number, work: () => Promise<void>): () => void {
  let cancel = () => {};
  const later = (): void => {
    cancel = clock.after(seconds * 1_000, () => {
      later();
      void work();
    });
  };
  later();
  return () => cancel();
}
