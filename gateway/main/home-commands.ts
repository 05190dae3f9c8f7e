/** `HomeCommands` on a cloud in this process: behind the admin socket, and for a home whose house does not run. */

import type { Clock } from "../../shared/clock.ts";
import { GatehouseError } from "../../shared/errors.ts";
import type { HomeCommands } from "../admin/commands.ts";
import type { EmbeddedCloud } from "../cloud/embedded/embedded-cloud.ts";
import { parseWorld, printWorld } from "../cloud/world.ts";
import { TokenCommands } from "../onegate/trust/token-commands.ts";
import type { Vault } from "../onegate/trust/vault.ts";
import { removeAuthFile, removeServerAuthFile } from "./first-start.ts";

export function homeCommands(cloud: EmbeddedCloud, vault: Vault, clock: Clock, home: string): HomeCommands {
  const tokens = new TokenCommands({ cloud, vault, clock });
  return {
    token: async (vmId) => cloud.vmToken(vmId),
    revokeTokens: (vmId, classic) => tokens.revoke(vmId, classic),
    allowToken: (vmId) => tokens.allow(vmId),
    rotateTokenPassword: (user, graceMs) => tokens.rotate(user, graceMs),
    tokenStanding: async () => tokens.standing(),
    importWorld: (text) => importWorldText(cloud, home, text),
    exportWorld: async () => `${JSON.stringify(printWorld(cloud.exportWorld()), undefined, 1)}\n`,
  };
}

/** As `HomeCommands.importWorld`. */
export async function importWorldText(cloud: EmbeddedCloud, home: string, text: string): Promise<void> {
  const { broughtOneadmin, broughtServeradmin } = await cloud.importWorld(parseWorld(jsonOf(text)));
  if (broughtOneadmin) removeAuthFile(home);
  if (broughtServeradmin) removeServerAuthFile(home);
}

/** The parser's own message quotes the text around the fault, which may be a password; only the place is kept. */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const place = error instanceof SyntaxError ? /at position \d+/.exec(error.message)?.[0] : undefined;
    throw new GatehouseError(
      "bad_request",
      `The world is not JSON${place === undefined ? "" : ` ${place}`}.`,
    );
  }
}
