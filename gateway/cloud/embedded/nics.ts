/** A VM's network interfaces: asked for in its text, completed with the network's facts and a lease. */

import { GatehouseError } from "../../../shared/errors.ts";
import {
  isYes,
  stringOf,
  type Template,
  type Vector,
  vectorOf,
  vectorsOf,
} from "../../../shared/template/types.ts";
import type { Transaction } from "../../store/transaction.ts";
import type { Actor } from "../actor.ts";
import type { Network } from "../model.ts";
import { authorize, isAllowed } from "../permissions.ts";
import { restrictedChange } from "../restricted.ts";
import { checkRoom, MAX_INTERFACES } from "./bounds.ts";
import { NETWORKS } from "./kinds.ts";
import { releaseNic, takeLease, type WantedAddress } from "./leases.ts";

/** What a NIC takes over from its network's template (INHERIT_VNET_ATTR). */
const INHERITED = [
  "DNS",
  "GATEWAY",
  "GATEWAY6",
  "METRIC",
  "MTU",
  "SECURITY_GROUPS",
  "FILTER_IP_SPOOFING",
  "FILTER_MAC_SPOOFING",
  ...["INBOUND_AVG_BW", "INBOUND_PEAK_BW", "INBOUND_PEAK_KB"],
  ...["OUTBOUND_AVG_BW", "OUTBOUND_PEAK_BW", "OUTBOUND_PEAK_KB"],
];

/** The VM's NIC and NIC_ALIAS with leases taken. @throws GatehouseError for unknown networks, taken addresses, wrong parents. */
export function completeNics(tx: Transaction, actor: Actor, vmId: number, template: Template): Template {
  const defaults = vectorOf(template, "NIC_DEFAULT") ?? {};
  let completed = withoutNics(template);
  for (const nic of vectorsOf(template, "NIC"))
    completed = addNic(tx, actor, vmId, completed, { ...defaults, ...nic }).template;
  for (const alias of vectorsOf(template, "NIC_ALIAS"))
    completed = addNic(tx, actor, vmId, completed, requireParent(alias)).template;
  return completed;
}

function withoutNics(template: Template): Template {
  const { NIC: _nic, NIC_ALIAS: _alias, ...rest } = template;
  return rest;
}

/** Adds one interface, an alias when it names a PARENT, to a VM's template. */
export function addNic(
  tx: Transaction,
  actor: Actor,
  vmId: number,
  template: Template,
  asked: Vector,
): { template: Template; nicId: number } {
  const interfaces = [...vectorsOf(template, "NIC"), ...vectorsOf(template, "NIC_ALIAS")];
  checkRoom(interfaces.length, MAX_INTERFACES, "network interfaces");
  const nicId = nextNicId(template);
  return asked.PARENT === undefined
    ? { template: addPlainNic(tx, actor, vmId, template, asked, nicId), nicId }
    : { template: addAlias(tx, actor, vmId, template, asked, nicId), nicId };
}

/** An alias is nothing without the NIC it stands on. @throws GatehouseError `bad_request`. */
export function requireParent(alias: Vector): Vector {
  if (alias.PARENT !== undefined) return alias;
  throw new GatehouseError("bad_request", "NIC_ALIAS: PARENT must name the NIC that the alias stands on.");
}

function nextNicId(template: Template): number {
  const ids = [...vectorsOf(template, "NIC"), ...vectorsOf(template, "NIC_ALIAS")].map((nic) =>
    Number(nic.NIC_ID),
  );
  return Math.max(-1, ...ids) + 1;
}

function addPlainNic(
  tx: Transaction,
  actor: Actor,
  vmId: number,
  template: Template,
  asked: Vector,
  nicId: number,
): Template {
  const name = asked.NAME ?? `NIC${nicId}`;
  const nic = {
    ...connect(tx, actor, vmId, asked),
    NAME: name,
    NIC_ID: String(nicId),
    TARGET: `one-${vmId}-${nicId}`,
  };
  return addVector(template, "NIC", sortVector(nic));
}

function addAlias(
  tx: Transaction,
  actor: Actor,
  vmId: number,
  template: Template,
  asked: Vector,
  nicId: number,
): Template {
  const nics = vectorsOf(template, "NIC");
  const parent = nics.find((nic) => nic.NAME === asked.PARENT);
  if (parent === undefined) {
    const names = nics.map((nic) => nic.NAME).join(", ") || "none";
    throw new GatehouseError(
      "bad_request",
      `NIC_ALIAS: PARENT ${asked.PARENT} is no NIC of the VM (there: ${names}).`,
    );
  }
  const siblings = aliasIdsOf(parent);
  const aliasNumber = nextAliasNumber(template, parent);
  const alias = {
    ...connect(tx, actor, vmId, asked),
    NAME: asked.NAME ?? `${parent.NAME}_ALIAS${aliasNumber}`,
    NIC_ID: String(nicId),
    ALIAS_ID: String(aliasNumber),
    PARENT_ID: parent.NIC_ID ?? "0",
  };
  const noted = nics.map((nic) =>
    nic === parent ? { ...nic, ALIAS_IDS: [...siblings, String(nicId)].join(",") } : nic,
  );
  return addVector(setVectors(template, "NIC", noted), "NIC_ALIAS", sortVector(alias));
}

/** The NIC_IDs of the aliases on a NIC. */
function aliasIdsOf(nic: Vector): readonly string[] {
  return (nic.ALIAS_IDS ?? "").split(",").filter((id) => id !== "");
}

/** Above all that are there: names and variables (ETH0_ALIAS1) are made of it. */
function nextAliasNumber(template: Template, parent: Vector): number {
  const siblings = vectorsOf(template, "NIC_ALIAS").filter((alias) => alias.PARENT_ID === parent.NIC_ID);
  return Math.max(-1, ...siblings.map((alias) => Number(alias.ALIAS_ID))) + 1;
}

/** A NIC without an alias that goes. */
function withoutAlias(nic: Vector, nicId: number): Vector {
  if (nic.ALIAS_IDS === undefined) return nic;
  const { ALIAS_IDS: _, ...rest } = nic;
  const left = aliasIdsOf(nic).filter((id) => Number(id) !== nicId);
  return left.length === 0 ? rest : { ...nic, ALIAS_IDS: left.join(",") };
}

/** The network's side of an interface. */
function connect(tx: Transaction, actor: Actor, vmId: number, asked: Vector): Vector {
  const network = findNetwork(tx, actor, asked);
  if (network === undefined) return asked;
  authorize(actor, network, "USE", "NET");
  const lease = takeLease(tx, network.id, { kind: "vm", id: vmId }, wantedOf(asked));
  const inherited = INHERITED.flatMap((name) => {
    const value = stringOf(network.template, name);
    return value === undefined || value === "" ? [] : [[name, value] as const];
  });
  return {
    ...Object.fromEntries(inherited),
    ...asked,
    ...lease.addresses,
    AR_ID: String(lease.rangeId),
    BRIDGE: network.bridge,
    BRIDGE_TYPE: stringOf(network.template, "BRIDGE_TYPE") ?? "linux",
    CLUSTER_ID: String(network.clusterIds[0] ?? 0),
    NETWORK: network.name,
    NETWORK_ID: String(network.id),
    SECURITY_GROUPS: asked.SECURITY_GROUPS ?? stringOf(network.template, "SECURITY_GROUPS") ?? "0",
    VN_MAD: network.vnMad,
  };
}

function wantedOf({ IP, MAC, IP6 }: Vector): WantedAddress {
  return { ip: IP, mac: MAC, ip6: IP6 };
}

/** By NETWORK_ID, or by NETWORK with NETWORK_UID or NETWORK_UNAME; a NIC that names none has no lease. */
export function findNetwork(tx: Transaction, actor: Actor, asked: Vector): Network | undefined {
  const id = asked.NETWORK_ID;
  if (id !== undefined) {
    const network = /^\d+$/.test(id) ? tx.get(NETWORKS, Number(id)) : undefined;
    if (network === undefined)
      throw new GatehouseError("not_found", `Error getting virtual network [${id}].`);
    return network;
  }
  const name = asked.NETWORK;
  if (name === undefined) return undefined;
  const named = [...tx.values(NETWORKS)].filter(
    (network) => network.name === name && ownerMatches(network, asked),
  );
  const own = named.find((network) => network.uid === actor.uid);
  const network = own ?? named.find((candidate) => isAllowed(actor, candidate, "USE")) ?? named[0];
  if (network === undefined) {
    throw new GatehouseError("not_found", `User ${actor.uid} does not own a network with name: ${name} .`);
  }
  return network;
}

function ownerMatches(network: Network, asked: Vector): boolean {
  const uid = asked.NETWORK_UID;
  const uname = asked.NETWORK_UNAME;
  return (
    (uid === undefined || Number(uid) === network.uid) && (uname === undefined || uname === network.uname)
  );
}

/** The template without one interface, its lease given back. @throws GatehouseError `not_found`. */
export function removeNic(tx: Transaction, vmId: number, template: Template, nicId: number): Template {
  const isIt = (nic: Vector) => Number(nic.NIC_ID) === nicId;
  const nics = vectorsOf(template, "NIC");
  const aliases = vectorsOf(template, "NIC_ALIAS");
  const removed = [...nics, ...aliases].find(isIt);
  if (removed === undefined)
    throw new GatehouseError("not_found", `NIC with NIC_ID ${nicId} does not exist in the VM ${vmId}.`);
  // Aliases live on their parent: they go with it.
  const goesWith = (alias: Vector) => isIt(alias) || (nics.some(isIt) && Number(alias.PARENT_ID) === nicId);
  for (const nic of [...nics.filter(isIt), ...aliases.filter(goesWith)])
    releaseNic(tx, nic, { kind: "vm", id: vmId });
  const kept = setVectors(
    template,
    "NIC",
    nics.filter((nic) => !isIt(nic)).map((nic) => withoutAlias(nic, nicId)),
  );
  return setVectors(
    kept,
    "NIC_ALIAS",
    aliases.filter((alias) => !goesWith(alias)),
  );
}

/** Gives back everything a VM's interfaces hold. */
export function releaseNics(tx: Transaction, vmId: number, template: Template): void {
  for (const nic of [...vectorsOf(template, "NIC"), ...vectorsOf(template, "NIC_ALIAS")]) {
    releaseNic(tx, nic, { kind: "vm", id: vmId });
  }
}

/** What a NIC brings beside its network would let whoever owns a VM choose a wire. @throws GatehouseError `forbidden`. */
export function refuseRestricted(actor: Actor, template: Template): void {
  const name = restrictedChange(actor, template);
  if (name === undefined) return;
  throw new GatehouseError(
    "forbidden",
    `The interface includes the restricted attribute ${name}, which only administrators may set.`,
  );
}

/** Does the NIC speak for a router's floating address? */
export function isFloating(nic: Vector): boolean {
  return isYes(nic.FLOATING_IP);
}

function addVector(template: Template, name: string, vector: Vector): Template {
  return setVectors(template, name, [...vectorsOf(template, name), vector]);
}

function setVectors(template: Template, name: string, vectors: readonly Vector[]): Template {
  const { [name]: _, ...rest } = template;
  const [only] = vectors;
  if (only === undefined) return rest;
  return { ...rest, [name]: vectors.length === 1 ? only : vectors };
}

/** OpenNebula's own order, so that documents compare and read alike. */
function sortVector(vector: Vector): Vector {
  return Object.fromEntries(Object.entries(vector).sort(([left], [right]) => (left < right ? -1 : 1)));
}
