/** Virtual networks of the embedded cloud: address ranges, leases, reservations. */

import { GatehouseError } from "../../../shared/errors.ts";
import { appendTemplate } from "../../../shared/template/edit.ts";
import type { Template, Vector } from "../../../shared/template/types.ts";
import type { Transaction } from "../../store/transaction.ts";
import type { Actor } from "../actor.ts";
import { indexOfAddress } from "../address.ts";
import type { LeaseHolder, Network, NetworkDetail } from "../model.ts";
import { authorize, authorizeAdmin } from "../permissions.ts";
import type { LeaseAddress, NetworkPool, Reservation } from "../pools/network-pools.ts";
import type { UpdateMode } from "../pools/pool.ts";
import { LEASES, leaseKey, leasesOfNetwork, NETWORKS } from "./kinds.ts";
import { takeLease } from "./leases.ts";
import { networkDetail } from "./network-detail.ts";
import { makeNetwork, readNetwork } from "./network-maker.ts";
import { missing, OwnedObjects, type PoolContext } from "./pool.ts";
import { parseRange } from "./ranges.ts";
import { checkReservation, giveBackReservation, reserve } from "./reservations.ts";

/** Who has an address on hold: a VM that no VM is, as OpenNebula writes it. */
const HOLD: LeaseHolder = { kind: "vm", id: -1 };

export class Networks extends OwnedObjects<Network> implements NetworkPool {
  constructor(context: PoolContext) {
    super(context, NETWORKS, { noun: "virtual network", label: "NET" });
  }

  async detail(actor: Actor, id: number): Promise<NetworkDetail> {
    await this.get(actor, id);
    const detail = networkDetail(this.context.registry, id);
    if (detail === undefined) throw missing(this.words, id);
    return detail;
  }

  async allocate(actor: Actor, template: Template): Promise<number> {
    authorizeAdmin(actor, "CREATE", this.words.label);
    const asked = readNetwork(template);
    return await this.context.registry.transact((tx) => makeNetwork(tx, actor, asked));
  }

  async update(actor: Actor, id: number, template: Template, mode: UpdateMode): Promise<void> {
    await this.edit(actor, id, "MANAGE", (network) => ({
      ...network,
      template: mode === "append" ? appendTemplate(network.template, template) : template,
    }));
  }

  async delete(actor: Actor, id: number): Promise<void> {
    await this.context.registry.transact((tx) => {
      const network = this.require(tx, id);
      authorize(actor, network, "MANAGE", this.words.label);
      const [lease] = leasesOfNetwork(tx, id);
      if (lease !== undefined) {
        const { kind, id: holder } = lease.holder;
        throw new GatehouseError(
          "conflict",
          `Can not remove a virtual network with leases in use (${kind} ${holder}).`,
        );
      }
      if (network.parentId !== undefined) giveBackReservation(tx, network, network.parentId);
      tx.delete(NETWORKS, id);
    });
  }

  async reserve(actor: Actor, id: number, asked: Reservation): Promise<number> {
    checkReservation(asked);
    return await this.context.registry.transact((tx) => {
      const network = this.require(tx, id);
      authorize(actor, network, "USE", this.words.label);
      return reserve(tx, actor, network, asked);
    });
  }

  async hold(actor: Actor, id: number, address: LeaseAddress): Promise<void> {
    // An empty one would be anyone.
    if (shown(address) === "") throw new GatehouseError("bad_request", "The address to hold must be given.");
    await this.context.registry.transact((tx) => {
      authorize(actor, this.require(tx, id), "MANAGE", this.words.label);
      takeLease(tx, id, HOLD, address);
    });
  }

  async release(actor: Actor, id: number, address: LeaseAddress): Promise<void> {
    await this.context.registry.transact((tx) => {
      const network = this.require(tx, id);
      authorize(actor, network, "MANAGE", this.words.label);
      const key = network.ranges
        .map((range) => ({ range, index: indexOfAddress(range, address) }))
        .flatMap(({ range, index }) => (index === undefined ? [] : [leaseKey(id, range.id, index)]))
        .find((candidate) => isOnHold(tx, candidate));
      if (key === undefined) {
        throw new GatehouseError("bad_request", `Lease ${shown(address)} is not on hold.`);
      }
      tx.delete(LEASES, key);
    });
  }

  async addRange(actor: Actor, id: number, range: Vector): Promise<number> {
    const network = await this.edit(actor, id, "ADMIN", (current) => {
      refuseReservation(current);
      const rangeId = Math.max(-1, ...current.ranges.map((other) => other.id)) + 1;
      return { ...current, ranges: [...current.ranges, parseRange(range, rangeId)] };
    });
    return network.ranges.at(-1)?.id ?? 0;
  }

  async removeRange(actor: Actor, id: number, rangeId: number): Promise<void> {
    await this.edit(actor, id, "ADMIN", (network, tx) => {
      refuseReservation(network);
      if (!network.ranges.some((range) => range.id === rangeId))
        throw new GatehouseError("not_found", `Address Range does not exist [${rangeId}].`);
      if (leasesOfNetwork(tx, id).some((lease) => lease.rangeId === rangeId))
        throw new GatehouseError("conflict", `Address Range ${rangeId} has leases in use.`);
      return { ...network, ranges: network.ranges.filter((range) => range.id !== rangeId) };
    });
  }
}

/** Its addresses are its parent's to give. */
function refuseReservation(network: Network): void {
  if (network.parentId === undefined) return;
  throw new GatehouseError(
    "bad_request",
    `Network ${network.id} is a reservation: its address ranges stay as reserved; delete it to give them back.`,
  );
}

function shown(address: LeaseAddress): string {
  return "ip" in address ? address.ip : address.mac;
}

function isOnHold(tx: Transaction, key: string): boolean {
  const holder = tx.get(LEASES, key)?.holder;
  return holder?.kind === HOLD.kind && holder.id === HOLD.id;
}
