/** The kinds of objects that the embedded cloud keeps in its registry, and how they are found. */

import { VM_STATE } from "../../../shared/states/vm.ts";
import { stringOf, vectorsOf } from "../../../shared/template/types.ts";
import {
  defineKind,
  type IndexKey,
  type Key,
  type Kind,
  type KindDefinition,
  type Versioned,
} from "../../store/kind.ts";
import type { Registry } from "../../store/registry.ts";
import type {
  Document,
  Group,
  Host,
  LeaseHolder,
  Network,
  NetworkTemplate,
  Router,
  User,
  Vm,
  VmGroup,
  VmTemplate,
} from "../model.ts";
import { currentStay } from "./vm-transition.ts";

/** One taken address; see leaseKey. */
export interface StoredLease extends Versioned {
  readonly id: string;
  readonly networkId: number;
  readonly rangeId: number;
  readonly index: number;
  readonly holder: LeaseHolder;
}

/** Scheduled actions live with their VMs; of this kind only ids are given, so that no two VMs have the same. */
interface ActionId extends Versioned {
  readonly id: number;
}

/** The VMs whose guests the house ended when it closed. */
export interface Closing extends Versioned {
  readonly id: number;
  readonly vmIds: readonly number[];
}

export const USERS = defineKind({
  name: "user",
  // 0 is oneadmin, 1 serveradmin, as in OpenNebula.
  firstId: 2,
  keyOf: (user: User) => user.id,
  indexes: { name: (user) => user.name },
});
export const GROUPS = defineKind({ name: "group", firstId: 100, keyOf: (group: Group) => group.id });
export const HOSTS = defineKind({ name: "host", keyOf: (host: Host) => host.id });
export const VMS = defineKind({
  name: "vm",
  keyOf: (vm: Vm) => vm.id,
  indexes: {
    host: (vm) => currentStay(vm)?.hostId,
    waiting: (vm) => (vm.state === VM_STATE.PENDING ? VM_STATE.PENDING : undefined),
  },
  toJson: vmToJson(),
});
export const TEMPLATES = defineKind({ name: "template", keyOf: (template: VmTemplate) => template.id });
export const NETWORKS = defineKind({ name: "network", keyOf: (network: Network) => network.id });
export const NETWORK_TEMPLATES = defineKind({
  name: "network_template",
  keyOf: (template: NetworkTemplate) => template.id,
});
export const ROUTERS = defineKind({ name: "router", keyOf: (router: Router) => router.id });
export const VM_GROUPS = defineKind({ name: "vm_group", keyOf: (group: VmGroup) => group.id });
export const DOCUMENTS = defineKind({
  name: "document",
  keyOf: (document: Document) => document.id,
  indexes: { type: (document) => document.type },
});
export const LEASES = defineKind({
  name: "lease",
  keyOf: (lease: StoredLease) => lease.id,
  indexes: { network: (lease) => lease.networkId },
});
export const SCHEDULED_ACTIONS = defineKind({
  name: "scheduled_action",
  keyOf: (action: ActionId) => action.id,
});
export const CLOSINGS = defineKind({ name: "closing", keyOf: (closing: Closing) => closing.id });

export const ALL_KINDS: readonly KindDefinition[] = [
  USERS,
  GROUPS,
  HOSTS,
  VMS,
  TEMPLATES,
  NETWORKS,
  NETWORK_TEMPLATES,
  ROUTERS,
  VM_GROUPS,
  DOCUMENTS,
  LEASES,
  SCHEDULED_ACTIONS,
  CLOSINGS,
];

/**
 * A guest that reports every second changes its user template and nothing else, and the rest is nine tenths of a VM's
 * text: so the parts that stay the same objects are written once. Whole, it took 10 of the 60 µs of a PUT.
 */
function vmToJson(): (vm: Vm) => string {
  const texts = new WeakMap<object, string>();
  const textOf = (part: object): string => {
    const known = texts.get(part);
    if (known !== undefined) return known;
    const text = JSON.stringify(part);
    texts.set(part, text);
    return text;
  };
  return ({ template, history, extra, ...rest }) => {
    const parts = `"template":${textOf(template)},"history":${textOf(history)}`;
    const more = extra === undefined ? "" : `,"extra":${textOf(extra)}`;
    return `${JSON.stringify(rest).slice(0, -1)},${parts}${more}}`;
  };
}

/** Where a lease lies: network, range, and offset in it. */
export function leaseKey(networkId: number, rangeId: number, index: number): string {
  return `${networkId}/${rangeId}/${index}`;
}

/** What can be looked through: a transaction, for the newest state, or `durable`. */
export interface Lookup {
  values<T extends Versioned, K extends Key, I extends string>(kind: Kind<T, K, I>): Iterable<T>;
  by<T extends Versioned, K extends Key, I extends string>(
    kind: Kind<T, K, I>,
    index: NoInfer<I>,
    indexKey: IndexKey,
  ): readonly T[];
}

/** What is durable, to be looked through. */
export function durable(registry: Registry): Lookup {
  return {
    values: (kind) => registry.collection(kind).values(),
    by: (kind, index, indexKey) => registry.collection(kind).by(index, indexKey),
  };
}

export function userByName(lookup: Lookup, name: string): User | undefined {
  return lookup.by(USERS, "name", name)[0];
}

export function leasesOfNetwork(lookup: Lookup, networkId: number): readonly StoredLease[] {
  return lookup.by(LEASES, "network", networkId);
}

/** VMs that stay on a host, running or not, by their ids. Each full list of an agent asks for them. */
export function vmsOnHost(lookup: Lookup, hostId: number): readonly Vm[] {
  return lookup.by(VMS, "host", hostId).toSorted((one, other) => one.id - other.id);
}

/** VMs that wait for a host, by their ids. Each host that comes back asks for them. */
export function vmsThatWait(lookup: Lookup): readonly Vm[] {
  return lookup.by(VMS, "waiting", VM_STATE.PENDING).toSorted((one, other) => one.id - other.id);
}

/** Ids of routers with an interface on a network. */
export function routersOnNetwork(lookup: Lookup, networkId: number): readonly number[] {
  const isOn = (router: Router) =>
    vectorsOf(router.template, "NIC").some((nic) => Number(nic.NETWORK_ID) === networkId);
  return [...lookup.values(ROUTERS)].filter(isOn).map((router) => router.id);
}

/** The router a VM belongs to; undefined for other VMs. */
export function routerIdOf(vm: Vm): number | undefined {
  const text = stringOf(vm.template, "VROUTER_ID");
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}
