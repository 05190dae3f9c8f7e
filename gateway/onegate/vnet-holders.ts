/** What `extended=true` adds to a network's leases: how each VM uses its address, and what backends tell of themselves. */

import { isYes, type Template, type Vector, vectorOf, vectorsOf } from "../../shared/template/types.ts";
import type { Actor } from "../cloud/actor.ts";
import type { Cloud } from "../cloud/cloud.ts";
import type { NetworkDetail, Vm } from "../cloud/model.ts";

/** The VMs that hold leases, by id, as far as the owner may see them. */
export type LeaseHolders = ReadonlyMap<number, Vm>;

/** Attributes that backends publish for the routers' load balancers. */
const PUBLISHED_PREFIX = "ONEGATE_";

export async function readLeaseHolders(
  cloud: Pick<Cloud, "vms">,
  owner: Actor,
  { leases }: NetworkDetail,
): Promise<LeaseHolders> {
  const ids = new Set<number>();
  for (const lease of [...leases.values()].flat()) {
    if (lease.holder.kind === "vm") ids.add(lease.holder.id);
  }
  const vms = ids.size === 0 ? [] : await cloud.vms.several(owner, [...ids]);
  return new Map(vms.map((vm) => [vm.id, vm]));
}

/** A lease's further attributes (spec onegate-api.md 4.9); `EXTERNAL` alone is a boolean, as recorded. */
export function holderAttributes(vm: Vm, networkId: number, address: Vector): object {
  return { ...nicAttributes(vm.template, networkId, address), ...backendAttributes(vm) };
}

function nicAttributes(template: Template, networkId: number, address: Vector): object {
  const holds = (nic: Vector): boolean =>
    nic.NETWORK_ID === String(networkId) && nic.MAC?.toLowerCase() === address.MAC?.toLowerCase();
  const nics = vectorsOf(template, "NIC");
  const nic = nics.find(holds);
  if (nic !== undefined) return { NIC_NAME: nic.NAME };
  const alias = vectorsOf(template, "NIC_ALIAS").find(holds);
  if (alias === undefined) return {};
  const parent = nics.find((other) => other.NAME === alias.PARENT);
  return {
    PARENT: alias.PARENT,
    PARENT_NETWORK_ID: parent?.NETWORK_ID,
    EXTERNAL: isYes(alias.EXTERNAL),
    NIC_NAME: alias.NAME,
  };
}

function backendAttributes(vm: Vm): object {
  if (!isYes(vectorOf(vm.template, "CONTEXT")?.BACKEND)) return {};
  const published = Object.entries(vm.userTemplate).filter(([name]) => name.startsWith(PUBLISHED_PREFIX));
  return { BACKEND: "YES", ...Object.fromEntries(published) };
}
