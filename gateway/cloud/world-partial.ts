/**
 * A world may leave out whole kinds: networks without the VMs of the cloud they come from, say. What VMs and routers
 * hold there is then nobody's here: kept, it would block addresses for ever, and refused, it would have to be edited out.
 * Where a world brings some of a kind, a missing one is a mistake, and world-references.ts refuses it.
 */

import type { NetworkContents } from "./document/network.ts";
import type { Lease } from "./model.ts";
import type { World } from "./world-shape.ts";

/** The world without leases and lists of VMs or routers, where it has no VM or no router at all. */
export function withoutStrangers(world: World): World {
  const hasVms = world.vms.length > 0;
  const hasRouters = world.routers.length > 0;
  if (hasVms && hasRouters) return world;
  const isKept = ({ holder }: Lease) =>
    (holder.kind !== "vm" || hasVms || holder.id < 0) && (holder.kind !== "router" || hasRouters);
  return {
    ...world,
    routers: hasVms ? world.routers : world.routers.map((router) => ({ ...router, vmIds: [] })),
    networks: world.networks.map((contents) => ({
      ...contents,
      leases: filterLeases(contents.leases, isKept),
      routerIds: hasRouters ? contents.routerIds : [],
    })),
  };
}

function filterLeases(
  leases: NetworkContents["leases"],
  isKept: (lease: Lease) => boolean,
): NetworkContents["leases"] {
  const kept = [...leases].map(([rangeId, held]) => [rangeId, held.filter(isKept)] as const);
  return new Map(kept.filter(([, held]) => held.length > 0));
}
