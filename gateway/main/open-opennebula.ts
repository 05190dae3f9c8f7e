/** A real OpenNebula in the place of the embedded cloud: what a house needs to stand before one. */

import type { Clock } from "../../shared/clock.ts";
import { errorText, GatehouseError } from "../../shared/errors.ts";
import type { Logger } from "../../shared/log.ts";
import { stringOf } from "../../shared/template/types.ts";
import { classicToken } from "../../shared/tokens/classic.ts";
import type { HomeCommands } from "../admin/commands.ts";
import type { ServerCredentials } from "../cloud/access/server-session.ts";
import { SYSTEM } from "../cloud/actor.ts";
import type { Cloud } from "../cloud/cloud.ts";
import { type OpenNebulaCloud, openOpenNebulaCloud } from "../cloud/opennebula/opennebula-cloud.ts";
import type { Config } from "../config.ts";
import { TokenCommands } from "../onegate/trust/token-commands.ts";
import type { Vault } from "../onegate/trust/vault.ts";

/** The core need not be there yet. */
export async function openOpenNebula(
  { cloud }: Config,
  { server, clock, log }: { readonly server: ServerCredentials; readonly clock: Clock; readonly log: Logger },
): Promise<OpenNebulaCloud> {
  const { endpoint, hooks, ...times } = cloud.opennebula;
  return await openOpenNebulaCloud({
    endpoint,
    server,
    clock,
    log,
    hooks,
    cacheMs: times.cache_ms,
    pollMs: times.poll_interval_ms,
    monitoringMs: times.monitoring_interval_ms,
    timeoutMs: times.timeout_ms,
    maxCalls: times.max_calls,
  });
}

/** Undefined while the core answers. */
export function coreCheck({ users }: Pick<Cloud, "users">): () => Promise<string | undefined> {
  return async () => {
    try {
      await users.actor(SYSTEM.uid);
      return undefined;
    } catch (error) {
      return errorText(error);
    }
  };
}

/** Tokens are made and revoked as ever; what the cloud holds is OpenNebula's, and goes in and out there. */
export function remoteCommands(cloud: Cloud, vault: Vault, clock: Clock): HomeCommands {
  const tokens = new TokenCommands({ cloud, vault, clock });
  return {
    token: (vmId) => tokenOf(cloud, vmId),
    revokeTokens: (vmId, classic) => tokens.revoke(vmId, classic),
    allowToken: (vmId) => tokens.allow(vmId),
    rotateTokenPassword: (user, graceMs) => tokens.rotate(user, graceMs),
    tokenStanding: async () => tokens.standing(),
    importWorld: async () => {
      throw elsewhere();
    },
    exportWorld: async () => {
      throw elsewhere();
    },
  };
}

async function tokenOf({ vms, users }: Cloud, vmId: number): Promise<string> {
  const { template, uid, stime } = await vms.get(SYSTEM, vmId);
  const creator = await users.get(SYSTEM, Number(stringOf(template, "CREATED_BY") ?? uid));
  const tokenPassword = stringOf(creator.template, "TOKEN_PASSWORD");
  if (tokenPassword === undefined)
    throw new GatehouseError(
      "not_found",
      `User ${creator.name} has no TOKEN_PASSWORD, so VM ${vmId} has no token.`,
    );
  return classicToken({ vmId, stime, tokenPassword });
}

function elsewhere(): GatehouseError {
  return new GatehouseError(
    "conflict",
    "This house stands before an OpenNebula, which keeps its own objects; worlds are for embedded clouds.",
  );
}
