/**
 * A world: everything a cloud holds, as one JSON object of arrays of OpenNebula's documents, ids kept. It is what
 * `gatehouse import` reads and `gatehouse export` writes.
 */

import { documentFromDocument, documentToDocument } from "./document/document.ts";
import { badField, type Unversioned } from "./document/fields.ts";
import { groupFromDocument, groupToDocument } from "./document/group.ts";
import { hostFromDocument, hostToDocument } from "./document/host.ts";
import { isObject } from "./document/json-form.ts";
import { networkFromDocument, networkToDocument } from "./document/network.ts";
import { networkTemplateFromDocument, networkTemplateToDocument } from "./document/network-template.ts";
import { routerFromDocument, routerToDocument } from "./document/router.ts";
import { templateFromDocument, templateToDocument } from "./document/template.ts";
import { userFromDocument, userToDocument } from "./document/user.ts";
import { hostIdOf, vmFromDocument, vmToDocument } from "./document/vm.ts";
import { vmGroupFromDocument, vmGroupToDocument } from "./document/vm-group.ts";
import { DOCUMENT_TYPE, type Document, type JsonObject } from "./model.ts";
import { withOwnerNames } from "./world-owners.ts";
import { withoutStrangers } from "./world-partial.ts";
import { checkReferences } from "./world-references.ts";
import { WORLD_KEYS, type World } from "./world-shape.ts";

export type { World };

/**
 * Reads a world. Missing arrays are empty, missing parts of objects get defaults; only memory bounds its size.
 * @throws GatehouseError `bad_request`, beginning with the path of what is wrong (`vms[3].VM.STATE must be ...`).
 */
export function parseWorld(value: unknown): World {
  if (!isObject(value)) throw badField("The world", "must be a JSON object of arrays");
  const allowed: readonly string[] = Object.values(WORLD_KEYS);
  for (const key of Object.keys(value)) {
    if (!allowed.includes(key)) throw badField(key, `is no part of a world; there are ${allowed.join(", ")}`);
  }
  const read = <T>(pool: keyof World, fromDocument: (document: unknown, path: string) => T) =>
    readPool(value, WORLD_KEYS[pool], fromDocument);
  const given: World = {
    users: read("users", userFromDocument),
    groups: read("groups", groupFromDocument),
    hosts: read("hosts", hostFromDocument),
    networks: read("networks", networkFromDocument),
    networkTemplates: read("networkTemplates", networkTemplateFromDocument),
    routers: read("routers", routerFromDocument),
    templates: read("templates", templateFromDocument),
    vmGroups: read("vmGroups", vmGroupFromDocument),
    vms: read("vms", vmFromDocument),
    serviceTemplates: read("serviceTemplates", flowDocument(DOCUMENT_TYPE.serviceTemplate)),
    services: read("services", flowDocument(DOCUMENT_TYPE.service)),
  };
  const world = withoutStrangers(withOwnerNames(given));
  checkReferences(world);
  return world;
}

function readPool<T>(
  value: Readonly<Record<string, unknown>>,
  key: string,
  fromDocument: (document: unknown, path: string) => T,
): readonly T[] {
  const documents = value[key];
  if (documents === undefined) return [];
  if (!Array.isArray(documents)) throw badField(key, "must be an array");
  return documents.map((document, index) => fromDocument(document, `${key}[${index}]`));
}

/** A service or service template: its TYPE may be left out, but not be another, and its BODY must be there. */
function flowDocument(type: number): (document: unknown, path: string) => Unversioned<Document> {
  return (document, path) => {
    const read = documentFromDocument(document, path, type);
    if (read.type !== type) throw badField(`${path}.DOCUMENT.TYPE`, `must be ${type} here, not ${read.type}`);
    if (read.body === undefined) throw badField(`${path}.DOCUMENT.TEMPLATE.BODY`, "must be given");
    return read;
  };
}

/** Writes a world, passwords' hashes and TOKEN_PASSWORDs included: the reverse of `parseWorld`. */
export function printWorld(world: World): JsonObject {
  const vmsOf = byHost(world.vms);
  const usersOf = byGroup(world.users);
  return {
    [WORLD_KEYS.users]: world.users.map(userToDocument),
    [WORLD_KEYS.groups]: world.groups.map((group) => groupToDocument(group, usersOf.get(group.id) ?? [])),
    [WORLD_KEYS.hosts]: world.hosts.map((host) => hostToDocument(host, vmsOf.get(host.id) ?? [])),
    [WORLD_KEYS.networks]: world.networks.map(networkToDocument),
    [WORLD_KEYS.networkTemplates]: world.networkTemplates.map(networkTemplateToDocument),
    [WORLD_KEYS.routers]: world.routers.map(routerToDocument),
    [WORLD_KEYS.templates]: world.templates.map(templateToDocument),
    [WORLD_KEYS.vmGroups]: world.vmGroups.map(vmGroupToDocument),
    [WORLD_KEYS.vms]: world.vms.map(vmToDocument),
    [WORLD_KEYS.serviceTemplates]: world.serviceTemplates.map(documentToDocument),
    [WORLD_KEYS.services]: world.services.map(documentToDocument),
  };
}

function byHost(vms: World["vms"]): ReadonlyMap<number, World["vms"]> {
  return Map.groupBy(
    vms.filter((vm) => hostIdOf(vm) !== undefined),
    (vm) => hostIdOf(vm) ?? -1,
  );
}

/** Ids of the users of each group, ascending. */
function byGroup(users: World["users"]): ReadonlyMap<number, readonly number[]> {
  const members = new Map<number, number[]>();
  for (const user of users.toSorted((left, right) => left.id - right.id)) {
    for (const gid of user.gids) {
      const known = members.get(gid);
      if (known === undefined) members.set(gid, [user.id]);
      else known.push(user.id);
    }
  }
  return members;
}
