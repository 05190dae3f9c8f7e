/**
 * The home of a gatehouse-monitord, where it has one: the keys of sealed agents, and the socket over which `gatehouse host`
 * and `gatehouse metrics` reach the daemon as they reach a house.
 */

import type { Readable } from "node:stream";
import type { Clock } from "../../shared/clock.ts";
import { delay } from "../../shared/delay.ts";
import { errorText, GatehouseError, isGatehouseError } from "../../shared/errors.ts";
import type { Logger } from "../../shared/log.ts";
import { Health } from "../admin/health.ts";
import { Metrics } from "../admin/metrics.ts";
import { createMonitordApp } from "../admin/monitord-app.ts";
import type { Config } from "../config.ts";
import type { RunningCoreDaemon } from "../monitor/dropin/core-daemon.ts";
import type { Store } from "../store/store.ts";
import { adminSocketPath } from "./admin-socket.ts";
import { type Home, openHome } from "./home.ts";
import { hostCommands } from "./host-commands.ts";
import { type Listening, listen } from "./listen.ts";
import { registerMonitor } from "./monitor-metrics.ts";
import { storeCheck } from "./store-check.ts";

/** oned that was killed and started again may have its former daemon still ending; it waits 10 s for the answer to INIT. */
const LOCK_WAIT_MS = 5_000;
const LOCK_PAUSE_MS = 100;

export interface HomeTools {
  readonly config: Pick<Config, "monitor">;
  /** oned's end of the pipe: what ends a daemon. */
  readonly input: Readable;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Runs a daemon with the home at `path` open, if one is named, and its socket served from when the daemon listens.
 * @throws GatehouseError what `work` throws; `conflict` when another daemon, or a house, has the home; `unavailable` when it
 *   cannot be opened, or was lost while the daemon ran.
 */
export async function withHome(
  path: string | undefined,
  tools: HomeTools,
  work: (store: Store | undefined, onListening: (running: RunningCoreDaemon) => void) => Promise<void>,
): Promise<void> {
  if (path === undefined) return await work(undefined, () => undefined);
  const home = await openWhenFree(path, tools.clock);
  let lost: string | undefined;
  let socket: Promise<Listening | undefined> | undefined;
  // oned starts another daemon, which finds what is durable.
  void home.lost.then((reason) => {
    lost = reason;
    tools.input.destroy();
  });
  try {
    await work(home.store, (running) => {
      socket = serveSocket(home, running, tools);
    });
    if (lost !== undefined) throw new GatehouseError("unavailable", lost);
  } finally {
    await (await socket)?.close();
    if (lost === undefined) await home.close();
  }
}

async function openWhenFree(path: string, clock: Clock): Promise<Home> {
  const until = clock.elapsed() + LOCK_WAIT_MS;
  for (;;) {
    try {
      return await openHome(path);
    } catch (error) {
      const isTaken = isGatehouseError(error) && error.code === "conflict";
      if (!isTaken || clock.elapsed() >= until) throw error;
      await delay(clock, LOCK_PAUSE_MS);
    }
  }
}

/** Hosts are monitored all the same where it cannot be served. */
async function serveSocket(
  home: Home,
  running: RunningCoreDaemon,
  { config, clock, log }: HomeTools,
): Promise<Listening | undefined> {
  const { monitor: daemon, hosts, orders } = running;
  const health = new Health(clock);
  health.register("store", storeCheck(home, home.store));
  const commands = hostCommands({ config, cloud: { hosts }, daemon, watcher: orders, clock });
  const app = createMonitordApp(health, commands, metricsOf(running, clock), log);
  try {
    const socketPath = adminSocketPath(home.path);
    return await listen({ name: "admin.sock", app, endpoint: { socketPath }, clock, log });
  } catch (error) {
    log.error({ reason: errorText(error) }, "The admin socket cannot be served; agents are heard without it");
    return undefined;
  }
}

function metricsOf({ monitor, hosts, rows, orders }: RunningCoreDaemon, clock: Clock): Metrics {
  const metrics = new Metrics(clock);
  metrics.watchProcess();
  registerMonitor(metrics, monitor, { hosts });
  const gauge = (name: string, help: string, read: () => number): void =>
    metrics.gauge({ name: `gatehouse_monitord_${name}`, help, read: () => [{ value: read() }] });
  gauge("leads", "1 while this front-end monitors.", () => (orders.isLeader ? 1 : 0));
  gauge("waiting_rows", "Readings that wait for OpenNebula's database.", () => rows.waiting);
  metrics.counter({
    name: "gatehouse_monitord_rows_total",
    help: "Readings for OpenNebula's database, by what became of them: written, or lost because it was away or too slow.",
    labelNames: ["outcome"],
    read: () => Object.entries(rows.outcomes).map(([outcome, value]) => ({ labels: { outcome }, value })),
  });
  return metrics;
}
