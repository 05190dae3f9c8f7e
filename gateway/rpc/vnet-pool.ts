/** A network as its pool shows it: ranges as declared, and who has which address as one list of numbers (recorded). */

import { networkToDocument } from "../cloud/document/network.ts";
import type { AddressRange, JsonObject, Lease, NetworkDetail } from "../cloud/model.ts";

/** A holder's kind as OpenNebula adds it to its id in ALLOCATED. */
const KIND_BIT = { vm: 2 ** 36, network: 2 ** 38, router: 2 ** 50 } as const;

/** `{"VNET": {...}}` without the addresses of leases. */
export function networkToPoolDocument(detail: NetworkDetail): JsonObject {
  const { VNET } = networkToDocument({ ...detail, network: { ...detail.network, ranges: [] } });
  const ranges = detail.network.ranges.map((range) => poolRange(range, detail.leases.get(range.id) ?? []));
  return { VNET: { ...(VNET as JsonObject), AR_POOL: ranges.length === 0 ? {} : { AR: ranges } } };
}

function poolRange(range: AddressRange, leases: readonly Lease[]): JsonObject {
  const declared: Record<string, string> = {
    SIZE: String(range.size),
    ...range.attributes,
    AR_ID: String(range.id),
    NEXT_INDEX: String(range.nextIndex),
  };
  if (leases.length > 0) declared.ALLOCATED = allocated(leases);
  return Object.fromEntries(Object.entries(declared).sort(([left], [right]) => (left < right ? -1 : 1)));
}

/** ` 0 68719476736`: offset in the range, and kind and id of its holder. */
function allocated(leases: readonly Lease[]): string {
  const sorted = [...leases].sort((left, right) => left.index - right.index);
  return sorted.map(({ index, holder }) => ` ${index} ${KIND_BIT[holder.kind] + holder.id}`).join("");
}
