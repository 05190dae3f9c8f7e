/** The VNET document. USED_LEASES, UPDATED_VMS and addresses are derived from the leases, so they are printed and not read. */

import { z } from "zod";
import { NETWORK_STATE } from "../../../shared/states/network.ts";
import { stringOf } from "../../../shared/template/types.ts";
import type { JsonObject, Lease, Network, NetworkDetail } from "../model.ts";
import {
  ids,
  integer,
  json,
  optionalId,
  readDocument,
  requiredText,
  text,
  type Unversioned,
} from "./fields.ts";
import { EMPTY, printBare, printIds, printList } from "./json-form.ts";
import { addressRanges, printRange } from "./network-ranges.ts";
import { OWNED_ORDER, ownedFrom, ownedShape, printOwned } from "./owned.ts";
import { extraOf, layOut, type SectionDefaults } from "./sections.ts";
import { template } from "./template-part.ts";

/** A network before it has a version, with its leases. */
export interface NetworkContents extends Omit<NetworkDetail, "network"> {
  readonly network: Unversioned<Network>;
}

const shape = {
  ...ownedShape,
  NAME: requiredText,
  CLUSTERS: ids,
  BRIDGE: text.default(""),
  STATE: integer.default(NETWORK_STATE.READY),
  PREV_STATE: integer.optional(),
  PARENT_NETWORK_ID: optionalId.optional(),
  VN_MAD: text.default("dummy"),
  USED_LEASES: integer.optional(),
  VROUTERS: ids,
  UPDATED_VMS: json.optional(),
  TEMPLATE: template,
  AR_POOL: addressRanges,
};

const schema = z.object(shape).catchall(json);

const ORDER = [
  ...OWNED_ORDER,
  ...["LOCK", "PERMISSIONS", "CLUSTERS", "BRIDGE", "BRIDGE_TYPE", "STATE", "PREV_STATE", "PARENT_NETWORK_ID"],
  ...[
    "TEMPLATE_ID",
    "VN_MAD",
    "PHYDEV",
    "VLAN_ID",
    "OUTER_VLAN_ID",
    "VLAN_ID_AUTOMATIC",
    "OUTER_VLAN_ID_AUTOMATIC",
  ],
  ...[
    "USED_LEASES",
    "VROUTERS",
    "UPDATED_VMS",
    "OUTDATED_VMS",
    "UPDATING_VMS",
    "ERROR_VMS",
    "TEMPLATE",
    "AR_POOL",
  ],
];

/** Most of a VNET's own fields repeat its template, and are kept only where they do not. */
function defaultsOf(network: Pick<Network, "template">): SectionDefaults {
  const fromTemplate = (name: string) => printBare(stringOf(network.template, name) ?? "");
  return {
    BRIDGE_TYPE: stringOf(network.template, "BRIDGE_TYPE") ?? "linux",
    TEMPLATE_ID: EMPTY,
    PHYDEV: fromTemplate("PHYDEV"),
    VLAN_ID: fromTemplate("VLAN_ID"),
    OUTER_VLAN_ID: fromTemplate("OUTER_VLAN_ID"),
    VLAN_ID_AUTOMATIC: "0",
    OUTER_VLAN_ID_AUTOMATIC: "0",
    OUTDATED_VMS: EMPTY,
    UPDATING_VMS: EMPTY,
    ERROR_VMS: EMPTY,
  };
}

/** `{"VNET": {...}}` with all its leases and their addresses. */
export function networkToDocument(detail: NetworkContents): JsonObject {
  const { network, leases } = detail;
  const all = [...leases.values()].flat();
  const fields = {
    ...printOwned(network),
    CLUSTERS: printIds(network.clusterIds),
    BRIDGE: network.bridge,
    STATE: String(network.state),
    PREV_STATE: String(network.prevState),
    PARENT_NETWORK_ID: printBare(network.parentId === undefined ? "" : String(network.parentId)),
    VN_MAD: network.vnMad,
    USED_LEASES: String(all.length),
    VROUTERS: printIds(detail.routerIds),
    UPDATED_VMS: printIds(vmIdsOf(all)),
    TEMPLATE: network.template,
    AR_POOL: printList(
      "AR",
      network.ranges.map((range) => printRange(range, leases.get(range.id) ?? [])),
    ),
  };
  return { VNET: layOut(ORDER, fields, network.extra, defaultsOf(network)) };
}

/** The VMs that have a lease, each once; -1 holds an address for nobody. */
function vmIdsOf(leases: readonly Lease[]): readonly number[] {
  const found = leases.flatMap(({ holder }) => (holder.kind === "vm" && holder.id >= 0 ? [holder.id] : []));
  return [...new Set(found)].sort((left, right) => left - right);
}

/** @throws GatehouseError `bad_request` with the path of the bad field, a lease outside its range among them. */
export function networkFromDocument(value: unknown, path = ""): NetworkContents {
  const read = readDocument("VNET", schema, value, path);
  const network = {
    ...ownedFrom(read),
    state: read.STATE,
    prevState: read.PREV_STATE ?? read.STATE,
    bridge: read.BRIDGE,
    vnMad: read.VN_MAD,
    parentId: read.PARENT_NETWORK_ID,
    clusterIds: read.CLUSTERS,
    template: read.TEMPLATE,
    ranges: read.AR_POOL.ranges,
  };
  return {
    network: { ...network, ...extraOf(read, shape, defaultsOf(network)) },
    leases: read.AR_POOL.leases,
    routerIds: read.VROUTERS,
  };
}
