/** The document of `GET /vnet/ID`: address ranges and leases, and of the template only what is configured. */

import type { Template, Vector } from "../../shared/template/types.ts";
import { addressesOf } from "../cloud/address.ts";
import { printRange } from "../cloud/document/network-ranges.ts";
import type { AddressRange, Lease, LeaseHolder, NetworkDetail } from "../cloud/model.ts";
import { holderAttributes, type LeaseHolders } from "./vnet-holders.ts";

/** How a LEASE names its holder. */
const HOLDER_ATTRIBUTE = {
  vm: "VM",
  network: "VNET",
  router: "VROUTER",
} as const satisfies Record<LeaseHolder["kind"], string>;

/** AR, LEASE and VROUTERS are always arrays, leaves are strings; with `holders`, leases are extended. */
export function networkText(
  { network, leases, routerIds }: NetworkDetail,
  templateAttributes: readonly string[],
  holders: LeaseHolders | undefined,
): string {
  const ranges = network.ranges.map((range) => {
    const taken = leases.get(range.id) ?? [];
    return rangeElement(range, leaseElements(network.id, range, taken, holders));
  });
  const used = network.ranges.reduce((sum, range) => sum + (leases.get(range.id)?.length ?? 0), 0);
  return JSON.stringify({
    VNET: {
      ID: String(network.id),
      NAME: network.name,
      USED_LEASES: String(used),
      VROUTERS: { ID: routerIds.map(String) },
      PARENT_NETWORK_ID: network.parentId === undefined ? {} : String(network.parentId),
      AR_POOL: { AR: ranges },
      TEMPLATE: visibleTemplate(network.template, templateAttributes),
    },
  });
}

function rangeElement(range: AddressRange, elements: readonly object[]): object {
  return { ...printRange(range, []), USED_LEASES: String(elements.length), LEASES: { LEASE: elements } };
}

function leaseElements(
  networkId: number,
  range: AddressRange,
  taken: readonly Lease[],
  holders: LeaseHolders | undefined,
): readonly object[] {
  const addressAt = addressesOf(range);
  return taken.map(({ index, holder }) => {
    const address: Vector = addressAt(index);
    const vm = holder.kind === "vm" ? holders?.get(holder.id) : undefined;
    return {
      ...address,
      [HOLDER_ATTRIBUTE[holder.kind]]: String(holder.id),
      ...(vm === undefined ? {} : holderAttributes(vm, networkId, address)),
    };
  });
}

function visibleTemplate(template: Template, names: readonly string[]): Template {
  return Object.fromEntries(
    names
      .map((name) => [name, template[name]])
      .filter((entry): entry is [string, Template[string]] => {
        return entry[1] !== undefined;
      }),
  );
}
