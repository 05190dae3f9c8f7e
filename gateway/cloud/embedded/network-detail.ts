/** A network as its document shows it: with leases and routers. */

import type { Registry } from "../../store/registry.ts";
import type { Lease, NetworkDetail } from "../model.ts";
import { durable, leasesOfNetwork, NETWORKS, routersOnNetwork } from "./kinds.ts";

/** A network with its leases in order; undefined when there is no such network. */
export function networkDetail(registry: Registry, networkId: number): NetworkDetail | undefined {
  const network = registry.collection(NETWORKS).get(networkId);
  if (network === undefined) return undefined;
  const leases = new Map<number, Lease[]>(network.ranges.map((range) => [range.id, []]));
  for (const { rangeId, index, holder } of leasesOfNetwork(durable(registry), networkId)) {
    leases.get(rangeId)?.push({ index, holder });
  }
  for (const range of leases.values()) range.sort((left, right) => left.index - right.index);
  return { network, leases, routerIds: routersOnNetwork(durable(registry), networkId) };
}
