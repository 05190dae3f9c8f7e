/** `<MONITOR_CONFIGURATION>`: what OpenNebula's driver hands to an agent, and an agent to people's probes (spec 3). */

import { GatehouseError } from "../../shared/errors.ts";
import { parseRsaPublicKey, type RsaKey } from "../../shared/monitor/rsa.ts";
import { xmlToTree } from "../../shared/xml/parse.ts";
import { elementToXml } from "../../shared/xml/print.ts";
import type { XmlNode } from "../../shared/xml/tree.ts";
import { DEFAULT_PERIODS, DEFAULT_PORT, type PeriodName, type Periods } from "./settings.ts";

const NAME = "MONITOR_CONFIGURATION";

const MAX_BYTES = 256 * 1024;
const MAX_PERIOD_S = 7 * 24 * 3600;

export interface MonitorConfiguration {
  /** MONITOR_ADDRESS; `auto` for the address that the driver came from. */
  readonly address: string;
  readonly port: number;
  /** PUBKEY; undefined when it is empty. */
  readonly publicKey: RsaKey | undefined;
  readonly periods: Periods;
  /** HOST_ID; undefined when it is missing. */
  readonly hostId: number | undefined;
  readonly datastoreLocation: string | undefined;
}

/** @throws GatehouseError `bad_request` for what is no such configuration, with the element that is wrong. */
export function parseConfiguration(xml: string): MonitorConfiguration {
  const { name, node } = xmlToTree(xml, { maxBytes: MAX_BYTES, maxElements: 1000 });
  if (name !== NAME)
    throw new GatehouseError("bad_request", `The configuration's element is ${name}: ${NAME} is expected.`);
  const network = child(node, "NETWORK");
  const port = text(child(network, "PORT")) ?? String(DEFAULT_PORT);
  const hostId = text(child(node, "HOST_ID"));
  const pem = text(child(network, "PUBKEY"));
  return {
    address: text(child(network, "MONITOR_ADDRESS")) ?? "auto",
    port: whole("NETWORK/PORT", port, 1, 65_535),
    publicKey: pem === undefined ? undefined : parsePublicKey(pem),
    periods: parsePeriods(child(node, "PROBES_PERIOD")),
    hostId: hostId === undefined ? undefined : whole("HOST_ID", hostId, 0, 2 ** 31 - 1),
    datastoreLocation: text(child(node, "DATASTORE_LOCATION")),
  };
}

export interface PrintedConfiguration {
  readonly address: string;
  readonly port: number;
  readonly periods: Periods;
  readonly hostId: number;
}

/** For probes; it holds no key. */
export function printConfiguration({ address, port, periods, hostId }: PrintedConfiguration): string {
  const period = Object.fromEntries(Object.entries(periods).map(([name, value]) => [name, String(value)]));
  return elementToXml(NAME, {
    NETWORK: { MONITOR_ADDRESS: address, PORT: String(port) },
    PROBES_PERIOD: period,
    HOST_ID: String(hostId),
  });
}

/** Upstream's sentence, which its tools know. */
function parsePublicKey(pem: string): RsaKey {
  try {
    return parseRsaPublicKey(pem);
  } catch {
    throw new GatehouseError("bad_request", "Public key not in PEM format");
  }
}

function parsePeriods(node: XmlNode | undefined): Periods {
  const read = (name: PeriodName): number => {
    const value = text(child(node, name));
    return value === undefined
      ? DEFAULT_PERIODS[name]
      : whole(`PROBES_PERIOD/${name}`, value, 1, MAX_PERIOD_S);
  };
  return {
    BEACON_HOST: read("BEACON_HOST"),
    SYSTEM_HOST: read("SYSTEM_HOST"),
    MONITOR_HOST: read("MONITOR_HOST"),
    STATE_VM: read("STATE_VM"),
    MONITOR_VM: read("MONITOR_VM"),
    SYNC_STATE_VM: read("SYNC_STATE_VM"),
  };
}

function child(node: XmlNode | undefined, name: string): XmlNode | undefined {
  if (typeof node !== "object" || node === null) return undefined;
  return Object.entries(node).find(([key]) => key === name)?.[1];
}

/** Undefined for an empty or missing element. */
function text(node: XmlNode | undefined): string | undefined {
  if (typeof node !== "string") return undefined;
  const trimmed = node.trim();
  return trimmed === "" ? undefined : trimmed;
}

function whole(name: string, value: string, least: number, most: number): number {
  const number = Number(value);
  if (/^\d{1,10}$/.test(value) && number >= least && number <= most) return number;
  throw new GatehouseError(
    "bad_request",
    `${name} is ${JSON.stringify(value.slice(0, 32))}: ${least} to ${most} is allowed.`,
  );
}
