/** Fills the owners' names of a world where a document gave the ids alone. */

import { badField, type Unversioned } from "./document/fields.ts";
import type { Owned } from "./model.ts";
import { pathOf, type World } from "./world-shape.ts";

/** What a new home has before any import. */
const ONEADMIN = { id: 0, name: "oneadmin" };
const BUILT_IN_GROUPS = [ONEADMIN, { id: 1, name: "users" }];

/** @throws GatehouseError `bad_request` when a name is missing and the world has nobody of that id. */
export function withOwnerNames(world: World): World {
  const users = new Map([ONEADMIN, ...world.users].map(({ id, name }) => [id, name]));
  const groups = new Map([...BUILT_IN_GROUPS, ...world.groups].map(({ id, name }) => [id, name]));

  const nameOf = (names: ReadonlyMap<number, string>, id: number, path: string, kind: string): string => {
    const name = names.get(id);
    if (name === undefined) throw badField(path, `must be given: the world has no ${kind} ${id}`);
    return name;
  };
  const named = <T extends Unversioned<Owned>>(object: T, path: string): T => {
    if (object.uname !== "" && object.gname !== "") return object;
    return {
      ...object,
      uname: object.uname === "" ? nameOf(users, object.uid, `${path}.UNAME`, "user") : object.uname,
      gname: object.gname === "" ? nameOf(groups, object.gid, `${path}.GNAME`, "group") : object.gname,
    };
  };
  const namedPool = <T extends Unversioned<Owned>>(objects: readonly T[], pool: keyof World): readonly T[] =>
    objects.map((object, index) => named(object, pathOf(pool, index)));

  return {
    ...world,
    users: world.users.map((user, index) =>
      user.gname === ""
        ? { ...user, gname: nameOf(groups, user.gid, `${pathOf("users", index)}.GNAME`, "group") }
        : user,
    ),
    networks: world.networks.map((contents, index) => ({
      ...contents,
      network: named(contents.network, pathOf("networks", index)),
    })),
    networkTemplates: namedPool(world.networkTemplates, "networkTemplates"),
    routers: namedPool(world.routers, "routers"),
    templates: namedPool(world.templates, "templates"),
    vmGroups: namedPool(world.vmGroups, "vmGroups"),
    vms: namedPool(world.vms, "vms"),
    serviceTemplates: namedPool(world.serviceTemplates, "serviceTemplates"),
    services: namedPool(world.services, "services"),
  };
}
