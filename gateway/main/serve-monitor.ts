/** Opens the monitoring daemon of a house. */

import { readFileSync } from "node:fs";
import type { Clock } from "../../shared/clock.ts";
import { errorText, GatehouseError } from "../../shared/errors.ts";
import type { Logger } from "../../shared/log.ts";
import { parseRsaPrivateKey, type RsaKey } from "../../shared/monitor/rsa.ts";
import type { Cloud } from "../cloud/cloud.ts";
import { monitorSettings } from "../config/monitor-settings.ts";
import type { Config } from "../config.ts";
import { type MonitorDaemon, openMonitor } from "../monitor/daemon.ts";
import type { SeriesStore } from "../store/series.ts";
import type { Store } from "../store/store.ts";
import { registerHistory, samplesIn } from "./history.ts";
import type { HouseSight } from "./house-sight.ts";
import { registerMonitor } from "./monitor-metrics.ts";

export interface ServeMonitorOptions {
  readonly cloud: Cloud;
  readonly store: Store;
  /** Where readings are kept. */
  readonly series: SeriesStore | undefined;
  readonly sight: HouseSight;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * @throws GatehouseError `bad_request` for a private key that cannot be used, `conflict` when the port is taken,
 *   `unavailable` when it or the store cannot be used.
 */
export async function serveMonitor(config: Config, options: ServeMonitorOptions): Promise<MonitorDaemon> {
  const { cloud, store, series, sight, clock, log } = options;
  const { host, port } = config.monitor;
  const settings = monitorSettings(config);
  const privateKey = privateKeyOf(settings.privateKeyFile);
  const samples = series && samplesIn(series);
  const daemon = await openMonitor({ cloud, store, samples, settings, host, port, privateKey, clock, log });
  sight.listens("monitor", daemon);
  if (sight.admin !== undefined) {
    registerMonitor(sight.admin.metrics, daemon, cloud);
    if (series !== undefined) registerHistory(sight.admin.metrics, series);
  }
  return daemon;
}

/** The key in a PEM file, where one is named. @throws GatehouseError `bad_request` */
export function privateKeyOf(file: string | undefined): RsaKey | undefined {
  if (file === undefined) return undefined;
  try {
    return parseRsaPrivateKey(readFileSync(file, "utf8"));
  } catch (cause) {
    throw new GatehouseError(
      "bad_request",
      `monitor.private_key_file ${file} cannot be used: ${errorText(cause)}`,
      {
        cause,
      },
    );
  }
}
