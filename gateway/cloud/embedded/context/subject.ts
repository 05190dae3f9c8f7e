/** What contextualisation is told: the new VM, its networks and its user. */

import { stringOf, type Template, type Vector, vectorsOf } from "../../../../shared/template/types.ts";
import type { Network, User, Vm } from "../../model.ts";

/** The parts of a VM that its context may speak of. */
export type ContextVm = Pick<
  Vm,
  "id" | "name" | "uid" | "gid" | "uname" | "gname" | "template" | "userTemplate"
>;

/** The part of a network that a guest may learn. */
export type ContextNetwork = Pick<Network, "id" | "name" | "bridge" | "vnMad" | "template" | "ranges">;

/** Networks by id; undefined when there is none. */
export type NetworkLookup = (id: number) => ContextNetwork | undefined;

export interface ContextSubject {
  readonly vm: ContextVm;
  readonly networks: NetworkLookup;
  /** Who makes the VM. */
  readonly user: Pick<User, "template">;
  /** What guests call; undefined when OneGate is not served. */
  readonly onegateEndpoint: string | undefined;
}

/** The VM's interfaces, aliases after them, as OpenNebula searches them. */
export function interfacesOf(template: Template): readonly Vector[] {
  return [...vectorsOf(template, "NIC"), ...vectorsOf(template, "NIC_ALIAS")];
}

/** The network an interface stands in; undefined when it names none (NETWORK_MODE=AUTO before scheduling). */
export function networkOf(nic: Vector, networks: NetworkLookup): ContextNetwork | undefined {
  const id = nic.NETWORK_ID ?? "";
  return /^\d+$/.test(id) ? networks(Number(id)) : undefined;
}

/** An attribute of a network as seen by an interface: its address range speaks before the network itself. */
export function networkAttribute(network: ContextNetwork, nic: Vector, name: string): string | undefined {
  const range = network.ranges.find((candidate) => String(candidate.id) === nic.AR_ID);
  const own: Vector = {
    ID: String(network.id),
    NAME: network.name,
    BRIDGE: network.bridge,
    VN_MAD: network.vnMad,
  };
  return range?.attributes[name] || stringOf(network.template, name) || own[name];
}
