/** A whole world into the embedded cloud, and out of it again. */

import { GatehouseError } from "../../../shared/errors.ts";
import type { Kind } from "../../store/kind.ts";
import type { Registry } from "../../store/registry.ts";
import type { Transaction } from "../../store/transaction.ts";
import { type Base, DOCUMENT_TYPE } from "../model.ts";
import type { World } from "../world.ts";
import {
  DOCUMENTS,
  GROUPS,
  HOSTS,
  LEASES,
  leaseKey,
  NETWORK_TEMPLATES,
  NETWORKS,
  ROUTERS,
  SCHEDULED_ACTIONS,
  TEMPLATES,
  USERS,
  VM_GROUPS,
  VMS,
} from "./kinds.ts";
import { networkDetail } from "./network-detail.ts";

const ONEADMIN_UID = 0;
const SERVERADMIN_UID = 1;

/** Which users of the first start gave way to the world's. */
export interface BroughtUsers {
  readonly broughtOneadmin: boolean;
  readonly broughtServeradmin: boolean;
}

/**
 * Loads a world in one transaction; tells of it when it is durable, before anything else happens to its objects.
 * @throws GatehouseError `conflict` when the cloud is in use already.
 */
export async function importWorld(
  registry: Registry,
  world: World,
  onImported: () => void,
): Promise<BroughtUsers> {
  return await registry.transact((tx) => {
    requireUnused(tx);
    tx.after(onImported);
    const brings = (uid: number) => world.users.some((user) => user.id === uid);
    replaceBrought(tx, GROUPS, world.groups);
    replaceBrought(tx, USERS, world.users);
    requireUniqueNames(tx, GROUPS);
    requireUniqueNames(tx, USERS);
    // The first start's host is for a cloud without any: a world that has hosts has them all.
    if (world.hosts.length > 0) for (const host of [...tx.values(HOSTS)]) tx.delete(HOSTS, host.id);
    insertAll(tx, HOSTS, world.hosts);
    insertAll(tx, TEMPLATES, world.templates);
    insertAll(tx, NETWORK_TEMPLATES, world.networkTemplates);
    insertAll(tx, ROUTERS, world.routers);
    insertAll(tx, VM_GROUPS, world.vmGroups);
    insertAll(tx, VMS, world.vms);
    useUpActionIds(tx, world.vms);
    insertAll(tx, DOCUMENTS, [...world.serviceTemplates, ...world.services]);
    for (const detail of world.networks) insertNetwork(tx, detail);
    return { broughtOneadmin: brings(ONEADMIN_UID), broughtServeradmin: brings(SERVERADMIN_UID) };
  });
}

/** Everything the cloud holds, as a world. */
export function exportWorld(registry: Registry): World {
  const all = <T extends Base, I extends string>(kind: Kind<T, number, I>): readonly T[] =>
    [...registry.collection(kind).values()].sort((left, right) => left.id - right.id);
  const documents = all(DOCUMENTS);
  return {
    users: all(USERS),
    groups: all(GROUPS),
    hosts: all(HOSTS),
    networks: all(NETWORKS)
      .map((network) => networkDetail(registry, network.id))
      .filter((detail) => detail !== undefined),
    networkTemplates: all(NETWORK_TEMPLATES),
    routers: all(ROUTERS),
    templates: all(TEMPLATES),
    vmGroups: all(VM_GROUPS),
    vms: all(VMS),
    serviceTemplates: documents.filter((document) => document.type === DOCUMENT_TYPE.serviceTemplate),
    services: documents.filter((document) => document.type === DOCUMENT_TYPE.service),
  };
}

/** The homes that may be imported into: new ones, with nothing but what the first start made. */
function requireUnused(tx: Transaction): void {
  requireNone(tx, VMS);
  requireNone(tx, TEMPLATES);
  requireNone(tx, NETWORKS);
  requireNone(tx, NETWORK_TEMPLATES);
  requireNone(tx, ROUTERS);
  requireNone(tx, VM_GROUPS);
  requireNone(tx, DOCUMENTS);
}

function requireNone<T extends Base, I extends string>(tx: Transaction, kind: Kind<T, number, I>): void {
  for (const object of tx.values(kind)) {
    throw new GatehouseError(
      "conflict",
      `An import wants an empty home, and this one has ${kind.name} ${object.id}; choose another with --home.`,
    );
  }
}

function insertAll<T extends Base, I extends string>(
  tx: Transaction,
  kind: Kind<T, number, I>,
  objects: readonly Omit<T, "version">[],
): void {
  for (const object of objects) tx.insertWithId(kind, object);
}

/** Ids of the scheduled actions that the VMs bring are not given again. */
function useUpActionIds(tx: Transaction, vms: World["vms"]): void {
  const ids = vms.flatMap((vm) => (vm.scheduledActions ?? []).map(({ id }) => id));
  if (ids.length === 0) return;
  const highest = ids.reduce((one, other) => Math.max(one, other));
  tx.insertWithId(SCHEDULED_ACTIONS, { id: highest });
  tx.delete(SCHEDULED_ACTIONS, highest);
}

/** Users and groups of the first start give way to the world's of the same id. */
function replaceBrought<T extends Base, I extends string>(
  tx: Transaction,
  kind: Kind<T, number, I>,
  objects: readonly (Omit<T, "version"> & { readonly id: number })[],
): void {
  for (const object of objects) {
    tx.delete(kind, object.id);
    tx.insertWithId(kind, object);
  }
}

/** A world's own names are unique (world-references.ts), but one may be that of another user of the first start. */
function requireUniqueNames<T extends Base, I extends string>(
  tx: Transaction,
  kind: Kind<T, number, I>,
): void {
  const ids = new Map<string, number>();
  for (const { id, name } of [...tx.values(kind)].sort((left, right) => left.id - right.id)) {
    const first = ids.get(name);
    if (first !== undefined) {
      throw new GatehouseError(
        "conflict",
        `The world has ${kind.name} ${id} named ${name}, which is the name of ${kind.name} ${first} in every home.`,
      );
    }
    ids.set(name, id);
  }
}

function insertNetwork(tx: Transaction, detail: World["networks"][number]): void {
  tx.insertWithId(NETWORKS, detail.network);
  for (const [rangeId, leases] of detail.leases) {
    for (const { index, holder } of leases) {
      const id = leaseKey(detail.network.id, rangeId, index);
      tx.insertWithId(LEASES, { id, networkId: detail.network.id, rangeId, index, holder });
    }
  }
}
