/** A real OpenNebula in the place of the embedded cloud: what a house needs to stand before one. */

import { readFileSync } from "node:fs";
import type { Clock } from "../../shared/clock.ts";
import { errorText, GatehouseError } from "../../shared/errors.ts";
import type { Logger } from "../../shared/log.ts";
import { stringOf } from "../../shared/template/types.ts";
import { classicToken } from "../../shared/tokens/classic.ts";
import type { HomeCommands } from "../admin/commands.ts";
import { type Cloud, SYSTEM } from "../cloud/cloud.ts";
import { type OpenNebulaCloud, openOpenNebulaCloud } from "../cloud/opennebula/opennebula-cloud.ts";
import type { Config } from "../config.ts";
import { TokenCommands } from "../onegate/trust/token-commands.ts";
import type { Vault } from "../onegate/trust/vault.ts";

/** @throws GatehouseError `bad_request` when the server's credentials cannot be read. */
export async function openOpenNebula(
  { cloud }: Config,
  { clock, log }: { readonly clock: Clock; readonly log: Logger },
): Promise<OpenNebulaCloud> {
  const { endpoint, auth_file: file, hooks, ...times } = cloud.opennebula;
  if (file === undefined)
    throw new GatehouseError(
      "bad_request",
      "cloud.kind opennebula needs cloud.opennebula.auth_file, a file with serveradmin:password.",
    );
  return await openOpenNebulaCloud({
    endpoint,
    server: serverCredentials("cloud.opennebula.auth_file", file),
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

/** `serveradmin:password` in a file of OpenNebula's own. @throws GatehouseError `bad_request` naming the setting. */
export function serverCredentials(
  setting: string,
  file: string,
): { readonly name: string; readonly password: string } {
  let text: string;
  try {
    text = readFileSync(file, "utf8").trim();
  } catch (cause) {
    throw new GatehouseError("bad_request", `${setting} cannot be read: ${errorText(cause)}`, { cause });
  }
  const [, name, password] = /^([^:\s]+):(\S+)$/.exec(text) ?? [];
  if (name !== undefined && password !== undefined) return { name, password };
  throw new GatehouseError("bad_request", `${setting} ${file} must hold one line, serveradmin:password.`);
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
