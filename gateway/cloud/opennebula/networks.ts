/** Networks of an OpenNebula. */

import { GatehouseError } from "../../../shared/errors.ts";
import { stringOf, type Template, type Vector } from "../../../shared/template/types.ts";
import type { Actor } from "../actor.ts";
import type { Network, NetworkDetail } from "../model.ts";
import type { LeaseAddress, NetworkPool, Reservation } from "../pools/network-pools.ts";
import type { UpdateMode } from "../pools/pool.ts";
import { NETWORKS, networkContents } from "./kinds.ts";
import { type IsCandidate, type Recipe, recipeKey } from "./makes.ts";
import { OwnedRemotePool } from "./pool.ts";
import { seenAfter } from "./refusals.ts";
import { templateText, updateType } from "./template-text.ts";

/** The cluster that the core chooses. */
const DEFAULT_CLUSTER = -1;

export class RemoteNetworks extends OwnedRemotePool<Network> implements NetworkPool {
  /** Leases are never kept: each call asks. */
  async detail(actor: Actor, id: number): Promise<NetworkDetail> {
    const look = this.objects.sight.look();
    const node = await this.objects.node(actor, id);
    const { leases, routerIds } = networkContents(node);
    const { object: network } = this.objects.sight.take(NETWORKS.read(node), look, "info");
    return { network, leases, routerIds };
  }

  async allocate(actor: Actor, template: Template): Promise<number> {
    const text = templateText(template);
    const name = stringOf(template, "NAME");
    return await this.made({
      key: recipeKey("vn", actor.uid, "allocate", text),
      call: () => this.tools.core.make(actor, "one.vn.allocate", text, DEFAULT_CLUSTER),
      find: (isCandidate) => this.findNamed(actor, isCandidate, (network) => network.name === name),
    });
  }

  /** Made by the call of another pool. */
  async makeFrom(recipe: Omit<Recipe<number>, "highest" | "idsOf">): Promise<number> {
    return await this.made(recipe);
  }

  async findNamed(
    actor: Actor,
    isCandidate: IsCandidate,
    isIt: (network: Network) => boolean,
  ): Promise<number | undefined> {
    return await this.findMine(actor, isCandidate, isIt);
  }

  async update(actor: Actor, id: number, template: Template, mode: UpdateMode): Promise<void> {
    await this.doTo(actor, id, "update", templateText(template), updateType(mode));
  }

  async delete(actor: Actor, id: number): Promise<void> {
    const parentId = this.objects.sight.known(id)?.parentId;
    await this.end(actor, id);
    if (parentId !== undefined) await this.objects.refresh(parentId);
  }

  async reserve(actor: Actor, id: number, options: Reservation): Promise<number> {
    const { name = "", networkId } = options;
    const text = templateText(reservationTemplate(options));
    const call = () => this.tools.core.make(actor, "one.vn.reserve", id, text);
    if (networkId !== undefined) {
      await this.change(networkId, call);
      await this.objects.refresh(id);
      return networkId;
    }
    const reserved = await this.made({
      key: recipeKey("vn", actor.uid, "reserve", id, text),
      call,
      find: (isCandidate) =>
        this.findMine(actor, isCandidate, (one) => one.name === name && one.parentId === id),
    });
    await this.objects.refresh(id);
    return reserved;
  }

  async hold(actor: Actor, id: number, address: LeaseAddress): Promise<void> {
    await this.doTo(actor, id, "hold", leaseText(address));
  }

  async release(actor: Actor, id: number, address: LeaseAddress): Promise<void> {
    await this.doTo(actor, id, "release", leaseText(address));
  }

  /** The core gives no id for it: it is the one that was not there before. */
  async addRange(actor: Actor, id: number, range: Vector): Promise<number> {
    return await this.tools.turns.run(`vn ${id}`, async () => {
      const before = rangeIds(await this.objects.get(actor, id));
      await this.doTo(actor, id, "add_ar", templateText({ AR: range }));
      const network = await seenAfter("one.vn.add_ar", () => this.objects.get(actor, id));
      const added = rangeIds(network).find((one) => !before.includes(one));
      if (added === undefined) throw new GatehouseError("conflict", `Network ${id} did not take the range.`);
      return added;
    });
  }

  async removeRange(actor: Actor, id: number, rangeId: number): Promise<void> {
    await this.doTo(actor, id, "rm_ar", rangeId);
  }
}

function rangeIds({ ranges }: Network): readonly number[] {
  return ranges.map((range) => range.id);
}

function reservationTemplate({ name, size, rangeId, first, networkId }: Reservation): Template {
  return {
    ...(name !== undefined && { NAME: name }),
    SIZE: String(size),
    ...(rangeId !== undefined && { AR_ID: String(rangeId) }),
    ...(first !== undefined && addressOf(first)),
    ...(networkId !== undefined && { NETWORK_ID: String(networkId) }),
  };
}

function addressOf(address: LeaseAddress): Vector {
  return "ip" in address ? { IP: address.ip } : { MAC: address.mac };
}

function leaseText(address: LeaseAddress): string {
  return templateText({ LEASES: addressOf(address) });
}
