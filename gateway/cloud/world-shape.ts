/** What a world is made of, and how its pools are called in JSON. */

import type { Unversioned } from "./document/fields.ts";
import type { NetworkContents } from "./document/network.ts";
import type {
  Document,
  Group,
  Host,
  NetworkTemplate,
  Router,
  User,
  Vm,
  VmGroup,
  VmTemplate,
} from "./model.ts";

export interface World {
  readonly users: readonly Unversioned<User>[];
  readonly groups: readonly Unversioned<Group>[];
  readonly hosts: readonly Unversioned<Host>[];
  /** Networks with their leases. */
  readonly networks: readonly NetworkContents[];
  readonly networkTemplates: readonly Unversioned<NetworkTemplate>[];
  readonly routers: readonly Unversioned<Router>[];
  readonly templates: readonly Unversioned<VmTemplate>[];
  readonly vmGroups: readonly Unversioned<VmGroup>[];
  readonly vms: readonly Unversioned<Vm>[];
  readonly serviceTemplates: readonly Unversioned<Document>[];
  readonly services: readonly Unversioned<Document>[];
}

/** Pools of a world, and their keys in JSON. */
export const WORLD_KEYS = {
  users: "users",
  groups: "groups",
  hosts: "hosts",
  networks: "networks",
  networkTemplates: "network_templates",
  routers: "routers",
  templates: "templates",
  vmGroups: "vm_groups",
  vms: "vms",
  serviceTemplates: "service_templates",
  services: "services",
} as const satisfies Record<keyof World, string>;

/** Root names of the documents of each pool. */
const WORLD_ROOTS = {
  users: "USER",
  groups: "GROUP",
  hosts: "HOST",
  networks: "VNET",
  networkTemplates: "VNTEMPLATE",
  routers: "VROUTER",
  templates: "VMTEMPLATE",
  vmGroups: "VM_GROUP",
  vms: "VM",
  serviceTemplates: "DOCUMENT",
  services: "DOCUMENT",
} as const satisfies Record<keyof World, string>;

/** Where an object of a world stands, as errors say it: `vms[3].VM`. */
export function pathOf(pool: keyof World, index: number): string {
  return `${WORLD_KEYS[pool]}[${index}].${WORLD_ROOTS[pool]}`;
}
