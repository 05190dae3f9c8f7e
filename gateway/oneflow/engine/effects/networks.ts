/** Networks of a service: those that are there, and those that are made for it and go with it. */

import { GatehouseError, isGatehouseError } from "../../../../shared/errors.ts";
import { NETWORK_STATE } from "../../../../shared/states/network.ts";
import { parseTemplate } from "../../../../shared/template/parse.ts";
import { stringOf, type Template } from "../../../../shared/template/types.ts";
import type { Actor } from "../../../cloud/actor.ts";
import type { Cloud } from "../../../cloud/cloud.ts";
import type { Network } from "../../../cloud/model.ts";
import type { Reservation } from "../../../cloud/pools/network-pools.ts";
import type { Effect } from "../../lifecycle/effects.ts";
import type { FlowEvent } from "../../lifecycle/events.ts";
import type { NetworkValue } from "../../model.ts";
import { attempt } from "../attempt.ts";
import { networkName } from "../names.ts";
import { calling, followOwner, refuseForeign, type Scene, type Tools } from "./scene.ts";

type MakeNetwork = Extract<Effect, { kind: "make_network" }>;
type RemoveNetwork = Extract<Effect, { kind: "remove_network" }>;

export async function makeNetwork(effect: MakeNetwork, scene: Scene, tools: Tools): Promise<FlowEvent> {
  const { name, value } = effect;
  const id = await networkOf(name, value, scene, tools);
  const network = await calling("one.vn.info", () => tools.cloud.networks.get(scene.owner, id));
  if (network.state === NETWORK_STATE.ERROR) {
    throw new GatehouseError("wrong_state", `Network ${network.name} (${id}) is in state ERROR.`);
  }
  if (value.id === undefined) await followOwner(tools.cloud.networks, id, scene, tools);
  return { kind: "network_made", name, id };
}

async function networkOf(name: string, value: NetworkValue, scene: Scene, tools: Tools): Promise<number> {
  const { cloud, patience } = tools;
  const { owner, serviceId } = scene;
  const { template_id, reserve_from, id } = value;
  const made = networkName(name, serviceId);
  const find = async () => (await ownedNetwork(cloud, owner, made, value))?.id;
  // A reservation or an instance that nobody needs any more would hold addresses for ever.
  const late = (surplus: number) => void cloud.networks.delete(owner, surplus).catch(() => undefined);
  if (template_id !== undefined) {
    return await calling("one.vntemplate.instantiate", () => {
      const extra = extraOf(value);
      const call = () =>
        cloud.networkTemplates.instantiate(owner, idOf(template_id, "template_id"), { name: made, extra });
      return attempt({ call, find, late }, patience);
    });
  }
  if (reserve_from !== undefined) {
    return await calling("one.vn.reserve", () => {
      const reservation = { ...reservationOf(extraOf(value)), name: made };
      const call = () => cloud.networks.reserve(owner, idOf(reserve_from, "reserve_from"), reservation);
      return attempt({ call, find, late }, patience);
    });
  }
  if (id === undefined) {
    throw new GatehouseError(
      "bad_request",
      `Network ${name} has no value: give an id, a template_id or a network to reserve_from.`,
    );
  }
  return idOf(id, "id");
}

export async function removeNetwork(effect: RemoveNetwork, scene: Scene, tools: Tools): Promise<FlowEvent> {
  const { cloud, patience } = tools;
  const call = async () => {
    await refuseForeign(cloud.networks, scene, effect.id)
      .then(() => cloud.networks.delete(scene.owner, effect.id))
      .catch(unlessMissing);
    return true;
  };
  await calling("one.vn.delete", () => attempt({ call, find: async () => undefined }, patience));
  return { kind: "network_removed", name: effect.name };
}

/** The network that was made for a service by this name; whoever owns the service owns it. */
export async function ownedNetwork(
  cloud: Pick<Cloud, "networks">,
  owner: Actor,
  name: string,
  value: NetworkValue,
): Promise<Network | undefined> {
  const all = await cloud.networks.list(owner, { kind: "mine" });
  return all.find((network) => {
    const isFrom = value.reserve_from === undefined || network.parentId === Number(value.reserve_from);
    return network.name === name && isFrom;
  });
}

export function unlessMissing(error: unknown): undefined {
  if (!isGatehouseError(error) || error.code !== "not_found") throw error;
}

function extraOf({ extra }: NetworkValue): Template {
  return extra === undefined ? {} : parseTemplate(extra);
}

/** @throws GatehouseError `bad_request` for a size or a range that is no number. */
function reservationOf(extra: Template): Omit<Reservation, "name"> {
  const range = stringOf(extra, "AR_ID");
  const ip = stringOf(extra, "IP");
  const mac = stringOf(extra, "MAC");
  const first = ip === undefined ? mac && { mac } : { ip };
  return {
    size: idOf(stringOf(extra, "SIZE") ?? "", "SIZE"),
    ...(range === undefined ? {} : { rangeId: idOf(range, "AR_ID") }),
    ...(first ? { first } : {}),
  };
}

function idOf(value: string | number, what: string): number {
  const text = String(value).trim();
  if (!/^[0-9]{1,15}$/.test(text)) {
    throw new GatehouseError("bad_request", `${what} must be a whole number, not ${JSON.stringify(text)}.`);
  }
  return Number(text);
}
