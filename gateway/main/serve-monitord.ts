/** The monitoring daemon in the place of onemonitord: reads the site's own files, and serves oned on a pipe. */

import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Readable, Writable } from "node:stream";
import type { Clock } from "../../shared/clock.ts";
import { errorText, GatehouseError } from "../../shared/errors.ts";
import type { Logger } from "../../shared/log.ts";
import { isLoopback } from "../config/listening.ts";
import { monitorSettings } from "../config/monitor-settings.ts";
import { unreadNames } from "../config/monitord-conf.ts";
import { type LoadedConfig, loadConfig } from "../config.ts";
import { type CoreDaemonOptions, runCoreDaemon } from "../monitor/dropin/core-daemon.ts";
import { mysqlTables } from "../monitor/dropin/mysql-tables.ts";
import { sqliteTables } from "../monitor/dropin/sqlite-tables.ts";
import type { MonitoringTables } from "../monitor/dropin/tables.ts";
import type { MonitorSettings } from "../monitor/settings.ts";
import { withHome } from "./monitord-home.ts";
import { logPlace, monitordLogger } from "./monitord-log.ts";
import { type OnedDatabase, readOnedConf } from "./oned-conf.ts";
import { readPublicKey } from "./other-agents.ts";
import { privateKeyOf } from "./serve-monitor.ts";

export interface MonitordOptions {
  /** As onemonitord takes them: from OpenNebula's folder of configuration, unless absolute. */
  readonly config: string;
  readonly onedConfig: string;
  /** Where sealed agents are remembered, and the admin socket is; undefined: nowhere, unless GATEHOUSE_HOME says. */
  readonly home?: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly input: Readable;
  readonly output: Writable;
  readonly clock: Clock;
  /** Told of the log, as soon as there is one. */
  readonly onLog: (log: Logger) => void;
}

/** Where OpenNebula has its things; ONE_LOCATION is set where it is not installed into the system. */
export function onePlaces({ ONE_LOCATION }: Readonly<Record<string, string | undefined>>) {
  if (ONE_LOCATION === undefined || ONE_LOCATION === "")
    return { etc: "/etc/one", var: "/var/lib/one", log: "/var/log/one", mads: "/usr/lib/one/mads" };
  const inside = (...names: string[]) => join(ONE_LOCATION, ...names);
  return { etc: inside("etc"), var: inside("var"), log: inside("var"), mads: inside("lib", "mads") };
}

/** Resolves at the end of oned's pipe. @throws GatehouseError when it cannot start: what is wrong with which file. */
export async function runMonitord(options: MonitordOptions): Promise<void> {
  const { env, input, output, clock, onLog } = options;
  const files = monitordFiles(options);
  const log = monitordLogger({ text: textOrNone(files.config), logFile: files.log, environment: env, clock });
  onLog(log);
  try {
    const { tables, unread, logPlace: _place, home: path, config, ...site } = readSite(files, env);
    if (unread.length > 0) log.info({ names: unread.join(" ") }, "Of monitord.conf these are not read");
    const warning = clearTextWarning(site);
    if (warning !== undefined) log.warn({ host: site.host }, warning);
    const common = { input, output, environment: env, clock, log };
    await withHome(path, { config, input, clock, log }, (store, onListening) => {
      const daemon: CoreDaemonOptions = { ...site, ...common, store, tables: tables() };
      return runCoreDaemon(daemon, (running) => {
        onListening(running);
        log.info({ ...running.monitor.address }, "Agents are heard");
      });
    });
  } catch (error) {
    log.error({ reason: errorText(error) }, "The monitoring daemon cannot run");
    throw error;
  }
}

export interface MonitordFiles {
  readonly home: string | undefined;
  readonly config: string;
  readonly onedConfig: string;
  readonly log: string;
  readonly places: ReturnType<typeof onePlaces>;
}

export function monitordFiles({
  config,
  onedConfig,
  home,
  env,
}: Pick<MonitordOptions, "config" | "onedConfig" | "home" | "env">): MonitordFiles {
  const places = onePlaces(env);
  return {
    home,
    config: resolve(places.etc, config),
    onedConfig: resolve(places.etc, onedConfig),
    log: join(places.log, "monitor.log"),
    places,
  };
}

/** What the site's own files say, keys included. @throws GatehouseError what is wrong with which file. */
export function readSite(files: MonitordFiles, env: MonitordOptions["env"]) {
  const { config, onedConfig, log, places } = files;
  const oned = readOnedConf(onedConfig, textOf(onedConfig), places.var);
  const loaded = load(files, env);
  const { host, settings } = monitordSettings(loaded);
  return {
    config: loaded.config,
    home: loaded.origins.has("home") ? loaded.config.home : undefined,
    settings,
    host,
    port: loaded.config.monitor.port,
    privateKey: privateKeyOf(settings.privateKeyFile),
    publicKey: settings.publicKeyFile === undefined ? "" : readPublicKey(settings.publicKeyFile),
    driversDirectory: loaded.origins.has("monitor.mads_dir") ? loaded.config.monitor.mads_dir : places.mads,
    datastoreLocation: oned.datastoreLocation,
    tables: () => tablesOf(oned.database),
    unread: unreadNames(textOf(config)),
    logPlace: logPlace(textOf(config), log),
  };
}

function load({ config, home, places }: MonitordFiles, env: MonitordOptions["env"]): LoadedConfig {
  const commandLine = [
    { path: "monitor.conf_file", value: config, origin: "-c" },
    ...(home === undefined ? [] : [{ path: "home", value: home, origin: "--home" }]),
  ];
  return loadConfig({ env, cwd: places.etc, commandLine });
}

/** What the file leaves open is as onemonitord has it, but that with a key nothing in clear is taken from beyond this machine. */
export function monitordSettings(loaded: LoadedConfig): {
  readonly host: string;
  readonly settings: MonitorSettings;
} {
  const { config, origins } = loaded;
  const settings = monitorSettings(config);
  const byKey = settings.privateKeyFile === undefined ? "clear" : "encrypted";
  return {
    host: origins.has("monitor.host") ? config.monitor.host : "0.0.0.0",
    settings: origins.has("monitor.accept_text") ? settings : { ...settings, acceptText: byKey },
  };
}

export function clearTextWarning({
  host,
  settings,
}: {
  readonly host: string;
  readonly settings: MonitorSettings;
}): string | undefined {
  return settings.acceptText === "clear" && !isLoopback(host)
    ? "Anybody who reaches this address can tell anything of any host: set PUBKEY and PRIKEY in monitord.conf"
    : undefined;
}

function tablesOf(database: OnedDatabase): MonitoringTables {
  return database.backend === "sqlite" ? sqliteTables(database.options) : mysqlTables(database.options);
}

/** For the log, which must be there to say that the file is not. */
function textOrNone(file: string): string {
  try {
    return textOf(file);
  } catch {
    return "";
  }
}

function textOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    throw new GatehouseError("bad_request", `${file} cannot be read: ${errorText(cause)}`, { cause });
  }
}
