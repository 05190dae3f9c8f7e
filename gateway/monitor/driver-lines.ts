/** What monitord says to its drivers and hears from them, as lines on a pipe (spec monitoring.md 2 and 3). */

import { deflateSync } from "node:zlib";
import { decodeBase64, decodeText } from "../../shared/monitor/base64.ts";
import { isMessageType, mustArrive, type TextMessage } from "../../shared/monitor/message.ts";
import { xmlToTree } from "../../shared/xml/parse.ts";
import { elementToXml } from "../../shared/xml/print.ts";
import type { XmlNode } from "../../shared/xml/tree.ts";
import type { Host } from "../cloud/model.ts";
import type { MonitorSettings } from "./settings.ts";

export type DriverAction = "START_MONITOR" | "STOP_MONITOR";

/** What the agents that drivers start are told. */
export interface DriverConfiguration {
  /** `auto`: where the driver came from. */
  readonly address: string;
  readonly port: number;
  /** PEM; empty: they send in clear. */
  readonly publicKey: string;
  readonly periods: MonitorSettings["periods"];
  /** DATASTORE_LOCATION of oned.conf, where that says one. */
  readonly datastoreLocation?: string | undefined;
}

/** One line, with its end. */
export function printDriverAction(
  action: DriverAction,
  host: Host,
  configuration: DriverConfiguration,
): string {
  const xml = elementToXml("MONITOR_DRIVER_ACTION", {
    HOST: hostNode(host),
    MONITOR_CONFIGURATION: configurationNode(configuration),
  });
  return `${action} - ${host.id} - ${deflateSync(xml, { level: 9 }).toString("base64")}\n`;
}

/** What drivers read of a host. */
function hostNode({ id, name, state, imMad, vmMad, cluster, clusterId, template }: Host): XmlNode {
  return {
    ID: String(id),
    NAME: name,
    STATE: String(state),
    IM_MAD: imMad,
    VM_MAD: vmMad,
    CLUSTER_ID: String(clusterId),
    CLUSTER: cluster,
    TEMPLATE: template,
  };
}

function configurationNode(configuration: DriverConfiguration): XmlNode {
  const { address, port, publicKey, periods, datastoreLocation } = configuration;
  return {
    ...(datastoreLocation !== undefined && { DATASTORE_LOCATION: datastoreLocation }),
    NETWORK: { MONITOR_ADDRESS: address, PORT: String(port), PUBKEY: publicKey },
    PROBES_PERIOD: {
      BEACON_HOST: String(periods.beaconHost),
      SYSTEM_HOST: String(periods.systemHost),
      MONITOR_HOST: String(periods.monitorHost),
      STATE_VM: String(periods.stateVm),
      EXEC_VM: String(periods.execVm),
      MONITOR_VM: String(periods.monitorVm),
      SYNC_STATE_VM: String(periods.syncStateVm),
    },
  };
}

/**
 * The first messages of an agent, out of MONITOR_MESSAGES: what tells of the host first, then its VMs. Parts that are no
 * base64 of text are left out.
 * @throws GatehouseError `bad_request` for what is no such document.
 */
export function readFirstMessages(xml: string, hostId: number): readonly TextMessage[] {
  const { node } = xmlToTree(xml);
  if (typeof node === "string" || Array.isArray(node)) return [];
  const time = Number(textOf(Object.entries(node).find(([name]) => name === "TIMESTAMP")?.[1]) ?? 0);
  const timestamp = Number.isSafeInteger(time) && time > 0 ? time : 0;
  const messages = Object.entries(node).flatMap(([type, value]): TextMessage[] => {
    const payload = decodedText(textOf(value));
    if (!isMessageType(type) || payload === undefined || payload.trim() === "") return [];
    return [{ type, status: "SUCCESS", oid: hostId, timestamp, payload }];
  });
  return messages.toSorted((one, other) => Number(mustArrive(other.type)) - Number(mustArrive(one.type)));
}

function textOf(node: XmlNode | undefined): string | undefined {
  return typeof node === "string" ? node : undefined;
}

function decodedText(base64: string | undefined): string | undefined {
  const bytes = base64 === undefined ? undefined : decodeBase64(base64.replaceAll(/\s/g, ""));
  return bytes === undefined ? undefined : decodeText(bytes);
}
