/** Attributes that only administrators write: VM_RESTRICTED_ATTR and VNET_RESTRICTED_ATTR of OpenNebula's oned.conf. */

import { isDeepStrictEqual } from "node:util";
import { restrictedNames } from "../../shared/template/restricted.ts";
import { type Template, valuesOf } from "../../shared/template/types.ts";
import type { Actor } from "./actor.ts";
import { isAdmin } from "./permissions.ts";

/** What a disk may be read and written, with its bursts. */
const IO = ["BYTES_SEC", "IOPS_SEC"]
  .flatMap((unit) => ["TOTAL", "READ", "WRITE"].map((direction) => `${direction}_${unit}`))
  .flatMap((limit) => [limit, `${limit}_MAX`, `${limit}_MAX_LENGTH`]);

/** What would put an interface onto another network, take its filters off, or give it more of the wire. */
const INTERFACE = [
  ...["MAC", "VLAN_ID", "BRIDGE", "FILTER", "FILTER_IP_SPOOFING", "FILTER_MAC_SPOOFING"],
  ...["INBOUND_AVG_BW", "INBOUND_PEAK_BW", "INBOUND_PEAK_KB"],
  ...["OUTBOUND_AVG_BW", "OUTBOUND_PEAK_BW", "OUTBOUND_PEAK_KB"],
];

export const VM_RESTRICTED: ReadonlySet<string> = new Set([
  "CONTEXT/FILES",
  ...["NIC", "NIC_ALIAS", "NIC_DEFAULT"].flatMap((vector) => INTERFACE.map((name) => `${vector}/${name}`)),
  ...[...IO, "SIZE_IOPS_SEC", "ORIGINAL_SIZE"].map((name) => `DISK/${name}`),
  ...["CPU_COST", "MEMORY_COST", "DISK_COST", "PCI", "EMULATOR"],
]);

/** What chooses the wire of a network, and takes its filters off. */
const WIRE = [
  ...["VN_MAD", "PHYDEV", "VLAN_ID", "BRIDGE"],
  ...["FILTER", "FILTER_IP_SPOOFING", "FILTER_MAC_SPOOFING"],
];

export const VNET_RESTRICTED: ReadonlySet<string> = new Set([
  ...[...WIRE, "OUTER_VLAN_ID", "CONF", "BRIDGE_CONF", "OVS_BRIDGE_CONF", "IP_LINK_CONF", "CLUSTER_IDS"],
  ...["EXTERNAL", "OUTBOUND_AVG_BW", "INBOUND_AVG_BW"],
  ...WIRE.map((name) => `AR/${name}`),
]);

/** What an update of a VM's user template is told that names such an attribute; recorded. */
export function restrictedUpdate(name: string): string {
  return `Cannot update template. User Template includes a restricted attribute ${name}`;
}

/** The first restricted attribute that this actor would add or change; undefined when there is none. */
export function restrictedChange(
  actor: Actor,
  given: Template,
  current: Template = {},
  restricted = VM_RESTRICTED,
): string | undefined {
  if (isAdmin(actor)) return undefined;
  const changed = Object.keys(given).filter((name) => !isDeepStrictEqual(given[name], current[name]));
  const attributes = changed.flatMap((name) =>
    valuesOf(given, name).map((value) => ({ name, spelling: name, value })),
  );
  return restrictedNames(attributes, restricted);
}
