/** Reaches a home for one command: through its house while that runs, and straight otherwise. */

import type { Clock } from "../../shared/clock.ts";
import type { Logger } from "../../shared/log.ts";
import type { HomeCommands } from "../admin/commands.ts";
import { openEmbeddedCloud } from "../cloud/embedded/embedded-cloud.ts";
import type { Config } from "../config.ts";
import { openVault } from "../onegate/trust/vault.ts";
import { connectAdmin } from "./admin-client.ts";
import { adminSocketPath } from "./admin-socket.ts";
import { firstStart } from "./first-start.ts";
import { openHome, requireHome } from "./home.ts";
import { homeCommands } from "./home-commands.ts";

export { type HomeCommands, MAX_WORLD_BYTES } from "../admin/commands.ts";
export { MAX_GRACE_MS, type TokenStanding } from "../admin/token-messages.ts";

export interface ReachOptions {
  readonly log: Logger;
  readonly clock: Clock;
  /** Make the home, as its first start would, when there is none. */
  readonly create: boolean;
}

/**
 * Runs `work` on the home's commands. Without a house the home is locked meanwhile, and no VM is touched.
 * @throws GatehouseError `not_found` when there is no home, `conflict` when a house holds it but does not listen yet.
 */
export async function reachHome<R>(
  config: Config,
  options: ReachOptions,
  work: (commands: HomeCommands) => Promise<R>,
): Promise<R> {
  const { log, clock, create } = options;
  const running = await connectAdmin(adminSocketPath(config.home));
  if (running !== undefined) return await work(running);
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
