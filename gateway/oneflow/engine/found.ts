/** What there is of services in the cloud when they are taken up: VMs, and networks and routers not yet written down. */

import { type Actor, SYSTEM } from "../../cloud/actor.ts";
import type { Cloud } from "../../cloud/cloud.ts";
import type { Document, Network, Router, Vm } from "../../cloud/model.ts";
import type { FlowEvent, FoundVm } from "../lifecycle/events.ts";
import type { NetworkValue, ServiceBody, ServiceNode } from "../model.ts";
import type { OneFlowSettings } from "../settings.ts";
import { routerName } from "./effects/routers.ts";
import { networkName } from "./names.ts";
import { belongingOf, goneSight, isDone, nodeOf, sightOf, strangerSight } from "./sight.ts";

export type TakenUp = Extract<FlowEvent, { kind: "taken_up" }>;

/** A service to be taken up. */
export interface Claim {
  readonly document: Document;
  readonly body: ServiceBody;
}

type Settings = Pick<OneFlowSettings, "vrNameTemplate">;

/** Of a service that was made a moment ago. */
export const NOTHING_FOUND: TakenUp = { kind: "taken_up", vms: [], networks: new Map(), routers: new Map() };

/**
 * Every VM is looked at once, however many services there are.
 * @param newest VMs that changed after they were listed
 */
export async function findAll(
  cloud: Cloud,
  claims: readonly Claim[],
  settings: Settings,
  newest: ReadonlyMap<number, Vm>,
): Promise<ReadonlyMap<number, TakenUp>> {
  const vms = await cloud.vms.list(SYSTEM);
  const networks = claims.some(lacksNetworks) ? await cloud.networks.list(SYSTEM) : [];
  const routers = claims.some(lacksRouters) ? await cloud.routers.list(SYSTEM) : [];
  const found = foundVms(claims, vms, newest);
  return new Map(
    claims.map((claim) => {
      const { id } = claim.document;
      return [
        id,
        {
          kind: "taken_up",
          vms: found.get(id) ?? [],
          networks: foundNetworks(claim, networks),
          routers: foundRouters(claim, routers, settings),
        },
      ];
    }),
  );
}

/**
 * Nodes as they are, and those VMs of the owner's that name the service and live. A node without a VM is done, and so is
 * one whose VM is somebody else's: whoever owns a service may write any id there. Of a VM that names the service, and was
 * given away, nothing is told.
 */
function foundVms(
  claims: readonly Claim[],
  vms: readonly Vm[],
  newest: ReadonlyMap<number, Vm>,
): ReadonlyMap<number, readonly FoundVm[]> {
  const owners = new Map(claims.map(({ document }) => [document.id, document.uid]));
  const nodes = nodesOf(claims);
  const found = new Map<number, FoundVm[]>(claims.map(({ document }) => [document.id, []]));
  for (const listed of vms) {
    const vm = newest.get(listed.id) ?? listed;
    const written = nodes.get(vm.id) ?? [];
    nodes.delete(vm.id);
    const named = belongingOf(vm);
    for (const { serviceId, role, node } of written) {
      const other = named?.serviceId === serviceId ? strangerSight(vm.id) : goneSight(vm.id);
      const sight = owners.get(serviceId) === vm.uid ? sightOf(vm) : other;
      found.get(serviceId)?.push({ role, node, sight });
    }
    const belongs = isDone(vm) ? undefined : named;
    if (belongs === undefined || owners.get(belongs.serviceId) !== vm.uid) continue;
    if (written.some(({ serviceId }) => serviceId === belongs.serviceId)) continue;
    found.get(belongs.serviceId)?.push({ role: belongs.role, node: nodeOf(vm), sight: sightOf(vm) });
  }
  for (const [vmId, written] of nodes) {
    for (const { serviceId, role, node } of written) {
      found.get(serviceId)?.push({ role, node, sight: goneSight(vmId) });
    }
  }
  return found;
}

interface WrittenNode {
  readonly serviceId: number;
  readonly role: string;
  readonly node: ServiceNode;
}

/** By VM; two services may name the same one. */
function nodesOf(claims: readonly Claim[]): Map<number, readonly WrittenNode[]> {
  const nodes = new Map<number, WrittenNode[]>();
  for (const { document, body } of claims) {
    for (const role of body.roles) {
      for (const node of role.nodes ?? []) {
        const written = { serviceId: document.id, role: role.name, node };
        const others = nodes.get(node.deploy_id);
        if (others === undefined) nodes.set(node.deploy_id, [written]);
        else others.push(written);
      }
    }
  }
  return nodes;
}

function unwrittenNetworks(body: ServiceBody): readonly (readonly [string, NetworkValue])[] {
  return (body.networks_values ?? [])
    .flatMap((value) => Object.entries(value))
    .filter(
      ([, { id, template_id, reserve_from }]) =>
        id === undefined && (template_id ?? reserve_from) !== undefined,
    );
}

function lacksNetworks({ body }: Claim): boolean {
  return unwrittenNetworks(body).length > 0;
}

function lacksRouters({ body }: Claim): boolean {
  return body.roles.some((role) => role.type === "vr" && role.vrouter_id === undefined);
}

function foundNetworks({ document, body }: Claim, all: readonly Network[]): ReadonlyMap<string, number> {
  const mine = new Map(
    all.filter(({ uid }) => uid === document.uid).map((network) => [network.name, network] as const),
  );
  return new Map(
    unwrittenNetworks(body).flatMap(([name, { reserve_from }]) => {
      const network = mine.get(networkName(name, document.id));
      if (network === undefined) return [];
      const isFrom = reserve_from === undefined || network.parentId === Number(reserve_from);
      return isFrom ? [[name, network.id] as const] : [];
    }),
  );
}

function foundRouters(
  { document, body }: Claim,
  all: readonly Router[],
  settings: Settings,
): ReadonlyMap<string, number> {
  const mine = new Map(
    all.filter(({ uid }) => uid === document.uid).map(({ name, id }) => [name, id] as const),
  );
  return new Map(
    body.roles.flatMap((role) => {
      if (role.type !== "vr" || role.vrouter_id !== undefined) return [];
      const id = mine.get(routerName({ serviceId: document.id, document }, role, { settings }));
      return id === undefined ? [] : [[role.name, id] as const];
    }),
  );
}

/** Who does what is done for a service; undefined when there is no such user any more. */
export async function ownerOf(cloud: Pick<Cloud, "users">, { uid }: Document): Promise<Actor | undefined> {
  return cloud.users.peekActor(uid) ?? (await cloud.users.actor(uid));
}
