/** Composes the parts of the house and starts them: the only file that knows them all. */

import type { X509Certificate } from "node:crypto";
import type { Clock } from "../shared/clock.ts";
import type { Logger } from "../shared/log.ts";
import type { HomeCommands } from "./admin/commands.ts";
import { Health } from "./admin/health.ts";
import { createHealthApp } from "./admin/health-app.ts";
import type { HostCommands } from "./admin/host-messages.ts";
import { createSocketApp } from "./admin/socket-app.ts";
import type { Cloud } from "./cloud/cloud.ts";
import { tlsFilesOf, urlOf } from "./config/listening.ts";
import { oneGateSettings } from "./config/onegate-settings.ts";
import type { Config } from "./config.ts";
import { adminSocketPath } from "./main/admin-socket.ts";
import { registerAutoscaler } from "./main/autoscaler-metrics.ts";
import { servicesClaim } from "./main/claim-services.ts";
import { Closers } from "./main/closers.ts";
import { existingAuthFile } from "./main/first-start.ts";
import { openHistory } from "./main/history.ts";
import { openHome } from "./main/home.ts";
import { homeCommands } from "./main/home-commands.ts";
import { type HouseSight, openHouseSight } from "./main/house-sight.ts";
import { type ListenOptions, listen } from "./main/listen.ts";
import { openItsCloud } from "./main/open-its-cloud.ts";
import { coreCheck, remoteCommands } from "./main/open-opennebula.ts";
import { keepTicksQuick } from "./main/quick-ticks.ts";
import { Reaching } from "./main/reaching.ts";
import { removeRunFile, writeRunFile } from "./main/run-file.ts";
import { serveMonitor } from "./main/serve-monitor.ts";
import { oneFlowApp, openOneFlow, type Services, scalerFor } from "./main/serve-oneflow.ts";
import { rpcCertificateOf, serverIdentityOf } from "./main/server-proof.ts";
import { storeCheck } from "./main/store-check.ts";
import { type HostWatch, watchHosts } from "./main/watch-hosts.ts";
import { createServiceDirectory, type ServiceScaler } from "./oneflow/directory.ts";
import type { OneFlow } from "./oneflow/engine/oneflow.ts";
import { createOneGate } from "./onegate/app.ts";
import { followReadiness } from "./onegate/clear-ready.ts";
import { networksOf } from "./onegate/fairness/networks.ts";
import type { TrustOptions } from "./onegate/trust/trust.ts";
import { openVault } from "./onegate/trust/vault.ts";
import { createRpc } from "./rpc/app.ts";

export interface HouseOptions {
  readonly log: Logger;
  readonly clock: Clock;
  /** A world's JSON text, to be loaded before anything listens. */
  readonly world?: string | undefined;
  /** Of this package, for the metrics. */
  readonly version: string;
  /** Told why, when the house cannot go on: its store is lost, or another house has taken its services. It is to be ended at once. */
  readonly onLost?: ((reason: string) => void) | undefined;
}

/** A house that runs. */
export interface House {
  readonly cloud: Cloud;
  /** The classic token of a VM. @throws GatehouseError `not_found` */
  readonly token: (vmId: number) => Promise<string>;
  /** Undefined when it is not enabled, and as long as it waits for a core that is away. */
  readonly flow: OneFlow | undefined;
  /** Of what is enabled. */
  readonly urls: {
    readonly onegate: string | undefined;
    readonly oneflow: string | undefined;
    readonly rpc: string | undefined;
    readonly admin: string;
  };
  /** Where the monitoring daemon listens, when it does. */
  readonly monitor: { readonly host: string; readonly port: number } | undefined;
  /** Where oneadmin's generated password stands; undefined when a world brought another. */
  readonly authFile: string | undefined;
  /** Ends it gracefully; never rejects. */
  close(): Promise<void>;
}

/**
 * Opens the home, making it at its first start, and starts everything; resolves when everything listens.
 * @throws GatehouseError `conflict` when the home or a port is taken, or the world finds a home in use;
 *   `bad_request` for a world that is none; `unavailable` when the home cannot be used. Nothing stays open then.
 */
export async function startHouse(config: Config, options: HouseOptions): Promise<House> {
  const closers = new Closers(options.log);
  try {
    return await start(config, options, closers);
  } catch (error) {
    await closers.closeAll();
    throw error;
  }
}

async function start(config: Config, options: HouseOptions, closers: Closers): Promise<House> {
  const { log, clock, world, version, onLost } = options;
  const closing = new AbortController();
  closers.add("ticks", await keepTicksQuick());
  const home = await openHome(config.home);
  closers.add("home", () => home.close());
  if (onLost !== undefined) void home.lost.then(onLost);
  // Until it is written again, a file that a crash left behind would point at nobody.
  removeRunFile(config.home);
  // In the place of a home that was removed another house may stand, with a file of its own.
  closers.add("run file", () => (home.isThere() ? removeRunFile(config.home) : undefined));

  let onegateUrl: string | undefined;
  const onegateEndpoint = () => config.onegate.endpoint ?? onegateUrl;
  const series = await openHistory(config, { clock, log });
  closers.add("history", async () => series?.close());
  const parts = { store: home.store, log, clock, onegateEndpoint, world, series };
  const identity = serverIdentityOf(config, { clock, log });
  const { cloud, embedded, remote } = await openItsCloud(config, parts, identity);
  const vault = await openVault(home.store, clock);
  await vault.passwords.forgetEnded();
  const sight = await openHouseSight(config, { cloud, store: home.store, version, clock, log });
  closers.add("sight", () => sight.close());
  const health = new Health(clock);
  let up = false;
  health.register("start", async () => (up ? undefined : "not everything listens"));
  health.register("store", storeCheck(home, home.store));
  if (embedded === undefined) health.register("opennebula", coreCheck(cloud));

  const trust = { vault, url: onegateEndpoint };
  const commands =
    embedded === undefined
      ? remoteCommands(cloud, vault, clock)
      : homeCommands(embedded, vault, clock, config.home);
  let watch: HostWatch | undefined;
  const hosts = () => watch?.commands;
  const servers = {
    config,
    cloud,
    commands,
    trust,
    sight,
    health,
    log,
    clock,
    closers,
    hosts,
    closing: closing.signal,
    certificate: identity === undefined ? rpcCertificateOf(config) : identity.certificate,
  };
  const adminUrl = await serveAdmin(servers);
  const mayBeAway = embedded === undefined;
  const claim = remote && servicesClaim(config, remote, (reason) => onLost?.(reason));
  const services = new Reaching({
    mayBeAway,
    name: "OneFlow",
    open: async () => {
      await claim?.take();
      return await openOneFlow(config, { cloud, clock, log });
    },
    close: (part) => part.close(),
    onReached: ({ autoscaler }) => sight.admin && registerAutoscaler(sight.admin.metrics, autoscaler),
    clock,
    log,
  });
  const scaler = scalerFor(config, () => services.part?.flow, { clock, server: identity?.server });
  if (config.onegate.enabled) onegateUrl = await serveOneGate(servers, scaler);
  // A real OpenNebula serves its own, and is monitored by its own daemon.
  const rpcUrl = embedded && config.rpc.enabled ? await serveRpc(servers) : undefined;
  closers.add("cloud", () => cloud.close());
  closers.add("claim", async () => claim?.release());
  // Before the cloud: what it is told last is stored.
  closers.add("services", () => services.close());
  if (config.onegate.clear_ready) {
    const open = () => followReadiness(cloud, log);
    const close = (end: () => void) => end();
    const readiness = new Reaching({ mayBeAway, name: "clear_ready", open, close, clock, log });
    closers.add("readiness", () => readiness.close());
    if (mayBeAway) health.register("clear_ready", async () => readiness.waitsFor);
    await readiness.begin();
  }
  await embedded?.start();
  let oneflowUrl: string | undefined;
  if (config.oneflow.enabled) {
    if (mayBeAway) health.register("oneflow", async () => services.waitsFor);
    // Its services may make VMs at once, whose contexts name OneGate.
    await services.begin();
    oneflowUrl = await serveOneFlow(servers, () => services.part);
  }
  const isMonitored = embedded !== undefined && config.monitor.enabled;
  const monitor = isMonitored
    ? await serveMonitor(config, { cloud, store: home.store, series, sight, clock, log })
    : undefined;
  // Before the cloud: what it was told last is stored.
  closers.add("monitor", async () => monitor?.close());
  const environment = process.env;
  watch = monitor && (await watchHosts({ config, daemon: monitor, cloud, clock, log, environment }));
  closers.add("agents", async () => watch?.close());
  // First of all: who waits for a change shall not keep the house open.
  closers.add("waiters", () => closing.abort());

  const urls = { onegate: onegateUrl, oneflow: oneflowUrl, rpc: rpcUrl, admin: adminUrl };
  const turn = (on: boolean): void => {
    up = on;
    health.changed();
  };
  writeRunFile(config.home, { pid: process.pid, ...urls, monitor: monitor?.address });
  turn(true);
  log.info({ home: config.home, ...urls, monitor: monitor?.address }, "The house is up");
  const close = (): Promise<void> => {
    turn(false);
    return closers.closeAll();
  };
  const authFile = embedded && existingAuthFile(config.home);
  return {
    cloud,
    token: commands.token,
    get flow() {
      return services.part?.flow;
    },
    urls,
    monitor: monitor?.address,
    authFile,
    close,
  };
}

interface Servers {
  readonly config: Config;
  readonly cloud: Cloud;
  readonly commands: HomeCommands;
  readonly trust: TrustOptions;
  readonly sight: HouseSight;
  readonly health: Health;
  readonly log: Logger;
  readonly clock: Clock;
  readonly closers: Closers;
  /** Undefined while nothing monitors hosts. */
  readonly hosts: () => HostCommands | undefined;
  /** Aborted when the house closes, before anything is closed. */
  readonly closing: AbortSignal;
  /** Of servers that speak for users; undefined: none has one. */
  readonly certificate: X509Certificate | undefined;
}

/** The admin port, which it gives the URL of, and the admin socket. */
async function serveAdmin(servers: Servers): Promise<string> {
  const { config, commands, sight, health, log } = servers;
  const app = createHealthApp(health, log, sight.admin?.metrics);
  const port = await serve(servers, { name: "admin", app, endpoint: config.admin });
  const socketApp = createSocketApp(health, commands, log, { sight: sight.admin, hosts: servers.hosts });
  const endpoint = { socketPath: adminSocketPath(config.home) };
  await serve(servers, { name: "admin.sock", app: socketApp, endpoint });
  return urlOf(config.admin.host, port);
}

async function serveOneGate(servers: Servers, scaler: ServiceScaler | undefined): Promise<string> {
  const { config, cloud, trust, sight, clock, log, closing } = servers;
  const services = createServiceDirectory(cloud);
  const settings = oneGateSettings(config);
  const app = createOneGate({
    cloud,
    services,
    scaler,
    settings,
    trust,
    observer: sight.observer,
    clock,
    log,
    closing,
  });
  const connections = { ...settings.connections, isExempt: networksOf(settings.trustedProxies) };
  const tls = tlsFilesOf(config);
  const port = await serve(servers, { name: "onegate", app, endpoint: config.onegate, connections, tls });
  return urlOf(config.onegate.host, port, tls === undefined ? "http" : "https");
}

async function serveOneFlow(servers: Servers, services: () => Services | undefined): Promise<string> {
  const { config } = servers;
  const app = oneFlowApp(config, { ...servers, services });
  const port = await serve(servers, { name: "oneflow", app, endpoint: config.oneflow });
  return urlOf(config.oneflow.host, port);
}

async function serveRpc(servers: Servers): Promise<string> {
  const { config, cloud, clock, log, certificate } = servers;
  let url: string | undefined;
  const endpoint = () => `${url ?? urlOf(config.rpc.host, config.rpc.port)}/RPC2`;
  const app = createRpc({ cloud, clock, log, endpoint, certificate });
  url = urlOf(config.rpc.host, await serve(servers, { name: "rpc", app, endpoint: config.rpc }));
  return url;
}

/** The port taken. */
async function serve(
  { sight, log, clock, closers }: Servers,
  server: Omit<ListenOptions, "clock" | "log">,
): Promise<number> {
  const listening = await listen({ ...server, clock, log });
  closers.add(server.name, () => listening.close());
  sight.listens(server.name, listening);
  return listening.port;
}
