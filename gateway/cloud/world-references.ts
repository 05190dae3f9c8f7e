/**
 * What must hold between the objects of a world, so that an import never leaves a house that cannot be run.
 *
 * Refused: an id twice, or a user's, group's or host's name; and a reference to an object that is not there: a lease
 * (its address could never be given back, nor its network deleted), a router's VM, a user's group, the host a VM runs
 * on. Hosts and groups may be left out as a whole; of VMs and routers left out see world-partial.ts.
 * Accepted: an owner who is not there (OpenNebula leaves objects behind when it deletes a user), and what services say
 * of VMs (OneFlow finds out, and ended VMs are usually not exported).
 */

import { badField } from "./document/fields.ts";
import { hostIdOf } from "./document/vm.ts";
import type { LeaseHolder } from "./model.ts";
import { pathOf, WORLD_KEYS, type World } from "./world-shape.ts";

/** Groups of every home. */
const BUILT_IN_GROUPS = [0, 1];

type Ids = ReadonlySet<number>;

/** @throws GatehouseError `bad_request` with the path of the first fault. */
export function checkReferences(world: World): void {
  checkUniqueIds(world);
  checkUniqueNames(world);
  const vms = idsOf(world.vms);
  checkLeases(world, { vm: vms, network: idsOf(networksOf(world)), router: idsOf(world.routers) });
  for (const [index, router] of world.routers.entries()) {
    const lost = router.vmIds.find((id) => !vms.has(id));
    if (lost !== undefined) throw notThere(`${pathOf("routers", index)}.VMS`, `names VM ${lost}`);
  }
  checkHosts(world);
  checkGroups(world);
}

function notThere(path: string, reference: string) {
  return badField(path, `${reference}, which is not in the world`);
}

function networksOf(world: World) {
  return world.networks.map(({ network }) => network);
}

function idsOf(objects: readonly { readonly id: number }[]): Ids {
  return new Set(objects.map(({ id }) => id));
}

/** Services and their templates are documents of one pool, and share its ids. */
function checkUniqueIds(world: World): void {
  const { networks: _networks, serviceTemplates, services, ...pools } = world;
  const documents = new Map<number, string>();
  checkUnique(serviceTemplates, WORLD_KEYS.serviceTemplates, documents);
  checkUnique(services, WORLD_KEYS.services, documents);
  checkUnique(networksOf(world), WORLD_KEYS.networks);
  for (const [pool, objects] of Object.entries(pools)) {
    checkUnique(objects, WORLD_KEYS[pool as keyof typeof pools]);
  }
}

function checkUnique(
  objects: readonly { readonly id: number }[],
  key: string,
  seen = new Map<number, string>(),
): void {
  for (const [index, { id }] of objects.entries()) {
    const path = `${key}[${index}]`;
    const first = seen.get(id);
    if (first !== undefined) throw badField(path, `has id ${id}, as ${first} has`);
    seen.set(id, path);
  }
}

/** People log in, and administrators name groups and hosts, by name. */
function checkUniqueNames(world: World): void {
  for (const pool of ["users", "groups", "hosts"] as const) {
    const seen = new Map<string, number>();
    for (const [index, { name }] of world[pool].entries()) {
      const first = seen.get(name);
      if (first !== undefined)
        throw badField(`${pool}[${index}]`, `has name ${name}, as ${pool}[${first}] has`);
      seen.set(name, index);
    }
  }
}

const HOLDER_NAME = { vm: "VM", network: "network", router: "router" } as const;

function checkLeases(world: World, holders: Readonly<Record<LeaseHolder["kind"], Ids>>): void {
  for (const [index, { leases }] of world.networks.entries()) {
    for (const [rangeId, held] of leases) {
      for (const { index: address, holder } of held) {
        // VM -1 is nobody: an address on hold.
        if (holder.id < 0 || holders[holder.kind].has(holder.id)) continue;
        const what = `leases address ${address} of range ${rangeId} to ${HOLDER_NAME[holder.kind]} ${holder.id}`;
        throw notThere(`${pathOf("networks", index)}.AR_POOL`, what);
      }
    }
  }
}

function checkHosts(world: World): void {
  if (world.hosts.length === 0) return;
  const hosts = idsOf(world.hosts);
  for (const [index, vm] of world.vms.entries()) {
    const hostId = hostIdOf(vm);
    if (hostId === undefined || hosts.has(hostId)) continue;
    throw notThere(`${pathOf("vms", index)}.HISTORY_RECORDS`, `ends on host ${hostId}`);
  }
}

function checkGroups(world: World): void {
  if (world.groups.length === 0) return;
  const groups = new Set([...BUILT_IN_GROUPS, ...idsOf(world.groups)]);
  for (const [index, user] of world.users.entries()) {
    const lost = user.gids.find((gid) => !groups.has(gid));
    if (lost !== undefined) throw notThere(`${pathOf("users", index)}.GROUPS`, `names group ${lost}`);
  }
}
