/** `HomeCommands` on a cloud in this process: behind the admin socket, and for a home whose house does not run. */

import { GatehouseError } from "../../shared/errors.ts";
import type { HomeCommands } from "../admin/commands.ts";
import type { EmbeddedCloud } from "../cloud/embedded/embedded-cloud.ts";
import { parseWorld, printWorld } from "../cloud/world.ts";
import { removeAuthFile, removeServerAuthFile } from "./first-start.ts";

export function homeCommands(cloud: EmbeddedCloud, home: string): HomeCommands {
  return {
    token: async (vmId) => cloud.vmToken(vmId),
    async importWorld(text) {
      const { broughtOneadmin, broughtServeradmin } = await cloud.importWorld(parseWorld(jsonOf(text)));
      if (broughtOneadmin) removeAuthFile(home);
      if (broughtServeradmin) removeServerAuthFile(home);
    },
    exportWorld: async () => `${JSON.stringify(printWorld(cloud.exportWorld()), undefined, 1)}\n`,
  };
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
