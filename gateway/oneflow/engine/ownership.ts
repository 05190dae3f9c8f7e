/** Gives a service away: its document, its VMs, and what was made for it; all of it or nothing. */

import type { Logger } from "../../../shared/log.ts";
import { type Actor, SYSTEM } from "../../cloud/actor.ts";
import type { Cloud } from "../../cloud/cloud.ts";
import type { Document, Owned } from "../../cloud/model.ts";
import type { Ownership } from "../../cloud/pools/pool.ts";
import type { Flow } from "../lifecycle/flow.ts";
import { flowOf } from "./service-document.ts";

interface Possession {
  readonly id: number;
  readonly pool: {
    get(actor: Actor, id: number): Promise<Pick<Owned, "uid" | "gid">>;
    chown(actor: Actor, id: number, owner: Ownership): Promise<void>;
  };
}

/**
 * @param adopted VMs that were made for it, also those that it has not written down yet
 * @throws GatehouseError of the first that refuses; those before it have their old owners again.
 */
export async function chownAll(
  { cloud, log }: { readonly cloud: Cloud; readonly log: Logger },
  actor: Actor,
  document: Document,
  owner: Ownership,
  adopted: () => readonly number[],
): Promise<void> {
  const done: { readonly possession: Possession; readonly before: Ownership }[] = [];
  const give = async (possession: Possession): Promise<void> => {
    const { uid, gid } = await possession.pool.get(SYSTEM, possession.id);
    // Whoever owns a service may write any id into it: what is somebody else's stays theirs.
    if (uid !== document.uid) return;
    await possession.pool.chown(actor, possession.id, owner);
    done.push({ possession, before: { uid, gid } });
  };
  try {
    // The document first: who may not give it away gives away nothing, and what is made from then on follows it.
    await give({ id: document.id, pool: cloud.documents });
    const flow = flowOf(await cloud.documents.get(SYSTEM, document.id));
    for (const possession of possessionsOf(cloud, flow, adopted())) await give(possession);
  } catch (error) {
    for (const { possession, before } of done.reverse()) {
      // The actor may have no right left on what is not his any more.
      await possession.pool.chown(SYSTEM, possession.id, before).catch((err: unknown) => {
        log.error({ serviceId: document.id, id: possession.id, err }, "An owner could not be put back");
      });
    }
    throw error;
  }
}

function possessionsOf(
  cloud: Cloud,
  { body, progress }: Flow,
  adopted: readonly number[],
): readonly Possession[] {
  const nodes = body.roles.flatMap((role) => (role.nodes ?? []).map(({ deploy_id }) => deploy_id));
  const vmIds = [...new Set([...nodes, ...adopted])];
  const routerIds = body.roles.flatMap((role) =>
    role.type === "vr" && role.vrouter_id !== undefined ? [role.vrouter_id] : [],
  );
  const networkIds = (body.networks_values ?? [])
    .flatMap((value) => Object.entries(value))
    .flatMap(([name, { id }]) => (progress.ownNetworks?.includes(name) ? [Number(id)] : []));
  return [
    ...vmIds.map((id) => ({ id, pool: cloud.vms })),
    ...routerIds.map((id) => ({ id, pool: cloud.routers })),
    ...networkIds.map((id) => ({ id, pool: cloud.networks })),
  ];
}
