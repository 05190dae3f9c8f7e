/** `GET /vnet/ID`: a router's VM reads the networks around its router (spec onegate-api.md 4.9). */

import { GatehouseError } from "../../shared/errors.ts";
import { vectorsOf } from "../../shared/template/types.ts";
import type { Actor } from "../cloud/actor.ts";
import type { Cloud } from "../cloud/cloud.ts";
import type { Network, NetworkDetail, Router } from "../cloud/model.ts";
import { exactId } from "../http/ids.ts";
import { agreedParameter } from "../http/parameters.ts";
import { jsonText } from "./answer.ts";
import type { Guest } from "./authenticate.ts";
import { requireInteger } from "./ids.ts";
import { isUnreadable, type Relations } from "./relation.ts";
import type { GateRequest } from "./request.ts";
import type { GateContext, GuestHandler } from "./route.ts";
import { readLeaseHolders } from "./vnet-holders.ts";
import { networkText } from "./vnet-text.ts";

export function showNetwork({ cloud, settings, relations }: GateContext): GuestHandler {
  return async function vnet(request, guest) {
    const id = requireInteger(request.pathParameter("id") ?? "");
    const router = await routerOfGuest(relations, guest);
    const detail = await readNetwork(cloud, guest.owner, id);
    if (!(await isAround(cloud, guest.owner, router, detail.network))) {
      const message = `Virtual Network ${detail.network.id} cannot be retrieved from Virtual router ${router.id}.`;
      throw new GatehouseError("bad_request", message);
    }
    const holders = (await wantsExtended(request))
      ? await readLeaseHolders(cloud, guest.owner, detail)
      : undefined;
    return jsonText(networkText(detail, settings.vnetTemplateAttributes, holders));
  };
}

async function routerOfGuest(relations: Relations, guest: Guest): Promise<Router> {
  if (guest.vm.template.VROUTER_ID === undefined) {
    throw new GatehouseError(
      "bad_request",
      "Virtual networks information can only be retrieved from Virtual Routers.",
    );
  }
  return relations.routerOf(guest);
}

/** To the core a negative id is the whole pool, which is no network: not found, as recorded. */
async function readNetwork(cloud: Pick<Cloud, "networks">, owner: Actor, id: number): Promise<NetworkDetail> {
  if (id < 0) throw notFound(id);
  try {
    return await cloud.networks.detail(owner, id);
  } catch (cause) {
    if (isUnreadable(cause)) throw notFound(id, cause);
    throw cause;
  }
}

function notFound(id: number, cause?: unknown): GatehouseError {
  return new GatehouseError("not_found", `Virtual network ${id} not found`, { cause });
}

/** True for the router's own networks, their parents and children, and networks of a parent in common with those. */
async function isAround(
  cloud: Pick<Cloud, "networks">,
  owner: Actor,
  router: Router,
  network: Network,
): Promise<boolean> {
  const ownIds = new Set(vectorsOf(router.template, "NIC").map((nic) => exactId(nic.NETWORK_ID ?? "")));
  ownIds.delete(undefined);
  if (ownIds.has(network.id) || (network.parentId !== undefined && ownIds.has(network.parentId))) return true;
  const own = await readAll(cloud, owner, ownIds);
  const parents = await readAll(cloud, owner, new Set(own.map((one) => one.parentId)));
  if (parents.some((parent) => parent.id === network.id)) return true;
  return (
    network.parentId !== undefined && [...own, ...parents].some((one) => one.parentId === network.parentId)
  );
}

/** The networks that the owner may see; the others open nothing. */
async function readAll(
  cloud: Pick<Cloud, "networks">,
  owner: Actor,
  ids: ReadonlySet<number | undefined>,
): Promise<readonly Network[]> {
  const networks: Network[] = [];
  for (const id of ids) {
    if (id === undefined) continue;
    try {
      networks.push(await cloud.networks.get(owner, id));
    } catch (error) {
      if (!isUnreadable(error)) throw error;
    }
  }
  return networks;
}

async function wantsExtended(request: GateRequest): Promise<boolean> {
  const value = agreedParameter(request.query(), await request.form(), "extended");
  return value?.toLowerCase() === "true";
}
