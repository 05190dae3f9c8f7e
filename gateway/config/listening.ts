/** What follows from where the servers listen: URLs, and whether strangers could reach the house. */

import { isIP } from "node:net";
import { GatehouseError } from "../../shared/errors.ts";
import type { Config } from "./schema.ts";

/** 127.0.0.0/8, ::1 and localhost. */
export function isLoopback(host: string): boolean {
  const address = host.toLowerCase();
  if (address === "localhost" || address === "::1") return true;
  return isIP(address) === 4 && address.startsWith("127.");
}

/** The URL of a server; one that listens on every address is reached on loopback, from this machine. */
export function urlOf(host: string, port: number, scheme: "http" | "https" = "http"): string {
  const reached = host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host;
  return `${scheme}://${isIP(reached) === 6 ? `[${reached}]` : reached}:${port}`;
}

/**
 * Where OneGate's certificate and key are; undefined: it speaks plain HTTP.
 * @throws GatehouseError `bad_request` when only one of the two is set.
 */
export function tlsFilesOf({ onegate }: Config): { certFile: string; keyFile: string } | undefined {
  const { cert_file: certFile, key_file: keyFile } = onegate.tls;
  if (certFile === undefined && keyFile === undefined) return undefined;
  if (certFile !== undefined && keyFile !== undefined) return { certFile, keyFile };
  const missing = certFile === undefined ? "onegate.tls.cert_file" : "onegate.tls.key_file";
  throw new GatehouseError("bad_request", `${missing} is not set: HTTPS takes a certificate and its key.`);
}

/**
 * A warning when guests on other machines are told an address that only this one reaches; otherwise undefined. Those of
 * a real OpenNebula are told what its oned.conf says.
 */
export function endpointWarning({ onegate, cloud }: Config): string | undefined {
  const everywhere = onegate.host === "0.0.0.0" || onegate.host === "::";
  if (cloud.kind === "opennebula" || !onegate.enabled) return undefined;
  if (!everywhere || onegate.endpoint !== undefined) return undefined;
  return `OneGate listens on every address (onegate.host is ${onegate.host}) and onegate.endpoint is not set, so guests are told a loopback address.`;
}

/** Which enabled servers others than this machine may reach. */
export function exposedServers(config: Config): readonly string[] {
  const servers = [
    { name: "onegate", host: config.onegate.host, on: config.onegate.enabled },
    { name: "oneflow", host: config.oneflow.host, on: config.oneflow.enabled },
    { name: "rpc", host: config.rpc.host, on: config.rpc.enabled },
    { name: "admin", host: config.admin.host, on: true },
  ];
  return servers.filter(({ host, on }) => on && !isLoopback(host)).map(({ name }) => name);
}

/**
 * Whether VMs may run as processes of this machine; `reason` is a sentence. By itself only while nobody but this
 * machine reaches the house: a start script runs whatever its template's owner wrote.
 */
export function processDriverUse(config: Config): { readonly allowed: boolean; readonly reason: string } {
  const { enabled } = config.cloud.process;
  if (enabled !== "auto")
    return { allowed: enabled === "always", reason: `cloud.process.enabled is ${enabled}` };
  const exposed = exposedServers(config);
  if (exposed.length === 0) return { allowed: true, reason: "every server listens on loopback" };
  return { allowed: false, reason: `beyond loopback listens: ${exposed.join(", ")}` };
}
