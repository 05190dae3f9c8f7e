/** Opens the embedded cloud over a home's store, ready to be started: first users, world, and drivers in place. */

import type { Clock } from "../../shared/clock.ts";
import type { Logger } from "../../shared/log.ts";
import { type EmbeddedCloud, openEmbeddedCloud } from "../cloud/embedded/embedded-cloud.ts";
import type { Config } from "../config.ts";
import type { SeriesStore } from "../store/series.ts";
import type { Store } from "../store/store.ts";
import { makeDrivers } from "./drivers.ts";
import { firstStart } from "./first-start.ts";
import { importWorldText } from "./home-commands.ts";
import { trustedUids } from "./trusted-users.ts";

export interface OpenCloudOptions {
  readonly store: Store;
  readonly log: Logger;
  readonly clock: Clock;
  /** What guests are told, once OneGate listens. */
  readonly onegateEndpoint: () => string | undefined;
  /** A world's JSON text, to be loaded first. */
  readonly world?: string | undefined;
  /** Where histories are read; undefined: none is kept. */
  readonly series?: SeriesStore | undefined;
}

/** @throws GatehouseError `conflict` when a world finds a home in use, `bad_request` when it is none. */
export async function openCloud(config: Config, options: OpenCloudOptions): Promise<EmbeddedCloud> {
  const { store, log, clock, onegateEndpoint, world, series } = options;
  // The drivers come before the users whose ids these are.
  const trusted = { process: new Set<number>(), qemu: new Set<number>() };
  const drivers = makeDrivers(config, { clock, log, trusted, onegateEndpoint });
  const cloud = await openEmbeddedCloud({
    store,
    clock,
    log,
    drivers: drivers.all,
    onlyDriver: drivers.only,
    onegateEndpoint,
    series,
  });
  await firstStart(cloud, config);
  if (world !== undefined) await importWorldText(cloud, config.home, world);
  for (const driver of ["process", "qemu"] as const) {
    const names = config.cloud[driver].trusted_users;
    const setting = `cloud.${driver}.trusted_users`;
    for (const uid of await trustedUids(cloud, { setting, names }, log)) trusted[driver].add(uid);
  }
  return cloud;
}
