/** Composes the parts of the house and starts them: the only file that knows them all. */

import type { Clock } from "../shared/clock.ts";
import type { Logger } from "../shared/log.ts";
import { Health } from "./admin/health.ts";
import { createHealthApp } from "./admin/health-app.ts";
import { createSocketApp } from "./admin/socket-app.ts";
import type { EmbeddedCloud } from "./cloud/embedded/embedded-cloud.ts";
import { urlOf } from "./config/listening.ts";
import { oneGateSettings } from "./config/onegate-settings.ts";
import type { Config } from "./config.ts";
import { adminSocketPath } from "./main/admin-socket.ts";
import { Closers } from "./main/closers.ts";
import { existingAuthFile } from "./main/first-start.ts";
import { openHome } from "./main/home.ts";
import { homeCommands } from "./main/home-commands.ts";
import { type Endpoint, type Fetching, listen } from "./main/listen.ts";
import { openCloud } from "./main/open-cloud.ts";
import { removeRunFile, writeRunFile } from "./main/run-file.ts";
import { storeCheck } from "./main/store-check.ts";
import { createServiceDirectory } from "./oneflow/directory.ts";
import { createOneGate } from "./onegate/app.ts";
import { followReadiness } from "./onegate/clear-ready.ts";
import { createRpc } from "./rpc/app.ts";

export interface HouseOptions {
  readonly log: Logger;
  readonly clock: Clock;
  /** A world's JSON text, to be loaded before anything listens. */
  readonly world?: string | undefined;
}

/** A house that runs. */
export interface House {
  readonly cloud: EmbeddedCloud;
  /** Of what is enabled. */
  readonly urls: {
    readonly onegate: string | undefined;
    readonly rpc: string | undefined;
    readonly admin: string;
  };
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
  const { log, clock, world } = options;
  const home = await openHome(config.home);
  closers.add("home", () => home.close());
  // Until it is written again, a file that a crash left behind would point at nobody.
  removeRunFile(config.home);
  closers.add("run file", () => removeRunFile(config.home));

  let onegateUrl: string | undefined;
  const onegateEndpoint = () => config.onegate.endpoint ?? onegateUrl;
  const cloud = await openCloud(config, { store: home.store, log, clock, onegateEndpoint, world });
  const health = new Health(clock);
  let up = false;
  health.register("start", async () => (up ? undefined : "not everything listens"));
  health.register("store", storeCheck(home.store));

  const servers = { config, cloud, health, log, clock, closers };
  const adminUrl = await serveAdmin(servers);
  if (config.onegate.enabled) onegateUrl = await serveOneGate(servers);
  const rpcUrl = config.rpc.enabled ? await serveRpc(servers) : undefined;
  closers.add("cloud", () => cloud.close());
  if (config.onegate.clear_ready) closers.add("readiness", await followReadiness(cloud, log));
  await cloud.start();

  const urls = { onegate: onegateUrl, rpc: rpcUrl, admin: adminUrl };
  const turn = (on: boolean): void => {
    up = on;
    health.changed();
  };
  writeRunFile(config.home, { pid: process.pid, ...urls });
  turn(true);
  log.info({ home: config.home, ...urls }, "The house is up");
  const close = (): Promise<void> => {
    turn(false);
    return closers.closeAll();
  };
  return { cloud, urls, authFile: existingAuthFile(config.home), close };
}

interface Servers {
  readonly config: Config;
  readonly cloud: EmbeddedCloud;
  readonly health: Health;
  readonly log: Logger;
  readonly clock: Clock;
  readonly closers: Closers;
}

/** The admin port, which it gives the URL of, and the admin socket. */
async function serveAdmin(servers: Servers): Promise<string> {
  const { config, cloud, health, log } = servers;
  const port = await serve(servers, "admin", createHealthApp(health, log), config.admin);
  const socketApp = createSocketApp(health, homeCommands(cloud, config.home), log);
  await serve(servers, "admin.sock", socketApp, { socketPath: adminSocketPath(config.home) });
  return urlOf(config.admin.host, port);
}

async function serveOneGate(servers: Servers): Promise<string> {
  const { config, cloud, clock, log } = servers;
  const services = createServiceDirectory(cloud);
  const app = createOneGate({ cloud, services, settings: oneGateSettings(config), clock, log });
  return urlOf(config.onegate.host, await serve(servers, "onegate", app, config.onegate));
}

async function serveRpc(servers: Servers): Promise<string> {
  const { config, cloud, clock, log } = servers;
  let url: string | undefined;
  const endpoint = () => `${url ?? urlOf(config.rpc.host, config.rpc.port)}/RPC2`;
  const app = createRpc({ cloud, clock, log, endpoint });
  url = urlOf(config.rpc.host, await serve(servers, "rpc", app, config.rpc));
  return url;
}

/** The port taken. */
async function serve(
  { log, clock, closers }: Servers,
  name: string,
  app: Fetching,
  endpoint: Endpoint,
): Promise<number> {
  const listening = await listen({ name, app, endpoint, clock, log });
  closers.add(name, () => listening.close());
  return listening.port;
}
