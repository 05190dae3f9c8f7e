import type { HomeCommands } from "../admin/commands.ts";
import type { Config } from "../config.ts";
import { connectAdmin } from "./admin-client.ts";
import { adminSocketPath } from "./admin-socket.ts";
import type { ReachOptions } from "./offline-home.ts";

export { type HomeCommands, MAX_WORLD_BYTES } from "../admin/commands.ts";
export { MAX_GRACE_MS, type TokenStanding } from "../admin/token-messages.ts";

/**
 * Runs `work` on the home's commands. Without a house the home is locked meanwhile, and no VM is touched.
 * @throws GatehouseError `not_found` when there is no home, `conflict` when a house holds it but does not listen yet.
 */
export async function reachHome<R>(
  config: Config,
  options: ReachOptions,
  work: (commands: HomeCommands) => Promise<R>,
): Promise<R> {
  const running = await connectAdmin(adminSocketPath(config.home));
  if (running !== undefined) return await work(running);
  // The cloud is loaded only where there is no house to ask: it takes longer than the asking.
  const { openOffline } = await import("./offline-home.ts");
  return await openOffline(config, options, work);
}
