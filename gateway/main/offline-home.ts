/** A home whose house does not run, opened for one command: locked meanwhile, and no VM is touched. */

import type { Clock } from "../../shared/clock.ts";
import type { Logger } from "../../shared/log.ts";
import type { HomeCommands } from "../admin/commands.ts";
import { openEmbeddedCloud } from "../cloud/embedded/embedded-cloud.ts";
import type { Config } from "../config.ts";
import { openVault } from "../onegate/trust/vault.ts";
import { firstStart } from "./first-start.ts";
import { openHome, requireHome } from "./home.ts";
import { homeCommands } from "./home-commands.ts";

export interface ReachOptions {
  readonly log: Logger;
  readonly clock: Clock;
  /** Make the home, as its first start would, when there is none. */
  readonly create: boolean;
}

/** @throws GatehouseError `not_found` when there is no home, `conflict` when a house holds it but does not listen yet. */
export async function openOffline<R>(
  config: Config,
  { log, clock, create }: ReachOptions,
  work: (commands: HomeCommands) => Promise<R>,
): Promise<R> {
  if (!create) requireHome(config.home);
  const home = await openHome(config.home);
  try {
    const onegateEndpoint = () => config.onegate.endpoint;
    const cloud = await openEmbeddedCloud({ store: home.store, clock, log, drivers: [], onegateEndpoint });
    if (create) await firstStart(cloud, config);
    const vault = await openVault(home.store, clock);
    return await work(homeCommands(cloud, vault, clock, config.home));
  } finally {
    await home.close();
  }
}
