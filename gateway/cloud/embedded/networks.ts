/** Virtual networks of the embedded cloud: address ranges, leases, reservations. */

import { GatehouseError } from "../../../shared/errors.ts";
import { NETWORK_STATE } from "../../../shared/states/network.ts";
import { appendTemplate } from "../../../shared/template/edit.ts";
import { stringOf, type Template, type Vector, vectorsOf } from "../../../shared/template/types.ts";
import type { Transaction } from "../../store/transaction.ts";
import { indexOfAddress } from "../address.ts";
import type { Actor, LeaseAddress, NetworkPool, UpdateMode } from "../cloud.ts";
import type { AddressRange, LeaseHolder, Network, NetworkDetail } from "../model.ts";
import { authorize, authorizeAdmin, DEFAULT_MODE } from "../permissions.ts";
import { LEASES, leaseKey, leasesOfNetwork, NETWORKS } from "./kinds.ts";
import { freeRun, takeLease } from "./leases.ts";
import { checkName } from "./names.ts";
import { networkDetail } from "./network-detail.ts";
import { missing, OwnedObjects, ownedBy, type PoolContext } from "./pool.ts";
import { parseRange, subRange } from "./ranges.ts";

/** Who has an address on hold: a VM that no VM is, as OpenNebula writes it. */
const HOLD: LeaseHolder = { kind: "vm", id: -1 };

/** A reservation is made at once, address by address: this bounds how long the event loop is held. A /16. */
const MAX_RESERVATION_SIZE = 65_536;

/** A network as asked for; everything else is the house's to fill. */
interface NewNetwork {
  readonly name: string;
  readonly template: Template;
  readonly ranges: readonly AddressRange[];
  /** The network it is reserved from, whose wire it is on. */
  readonly parent: Network | undefined;
}

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
    const name = checkName(stringOf(template, "NAME") ?? "");
    const ranges = vectorsOf(template, "AR").map((vector, id) => parseRange(vector, id));
    const { NAME: _name, AR: _ranges, ...rest } = template;
    return await this.context.registry.transact((tx) =>
      this.#insert(tx, actor, { name, template: rest, ranges, parent: undefined }),
    );
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

  async reserve(
    actor: Actor,
    id: number,
    options: { name: string; size: number; rangeId?: number },
  ): Promise<number> {
    checkName(options.name);
    if (!Number.isSafeInteger(options.size) || options.size < 1 || options.size > MAX_RESERVATION_SIZE) {
      throw new GatehouseError(
        "bad_request",
        `SIZE must be a whole number from 1 to ${MAX_RESERVATION_SIZE}, not ${options.size}.`,
      );
    }
    return await this.context.registry.transact((tx) => {
      const network = this.require(tx, id);
      authorize(actor, network, "USE", this.words.label);
      const { range, first } = findRun(tx, network, options);
      const { NAME: _, ...inherited } = network.template;
      const ranges = [subRange(range, id, first, options.size)];
      const reserved = this.#insert(tx, actor, {
        name: options.name,
        template: inherited,
        ranges,
        parent: network,
      });
      for (let index = first; index < first + options.size; index += 1) {
        tx.insertWithId(LEASES, {
          id: leaseKey(id, range.id, index),
          networkId: id,
          rangeId: range.id,
          index,
          holder: { kind: "network", id: reserved },
        });
      }
      return reserved;
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

  #insert(tx: Transaction, actor: Actor, asked: NewNetwork): number {
    return tx.insert(NETWORKS, (id) => ({
      id,
      ...ownedBy(tx, actor),
      name: asked.name,
      mode: DEFAULT_MODE,
      state: NETWORK_STATE.READY,
      prevState: NETWORK_STATE.INIT,
      bridge: asked.parent?.bridge ?? stringOf(asked.template, "BRIDGE") ?? `onebr${id}`,
      vnMad: asked.parent?.vnMad ?? stringOf(asked.template, "VN_MAD") ?? "dummy",
      parentId: asked.parent?.id,
      clusterIds: asked.parent?.clusterIds ?? [0],
      template: asked.template,
      ranges: asked.ranges,
    })).id;
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

function findRun(
  tx: Transaction,
  network: Network,
  options: { size: number; rangeId?: number },
): { range: AddressRange; first: number } {
  for (const range of network.ranges) {
    if (options.rangeId !== undefined && options.rangeId !== range.id) continue;
    const first = freeRun(tx, network, range, options.size);
    if (first !== undefined) return { range, first };
  }
  throw new GatehouseError(
    "conflict",
    `Not enough free addresses in a row in network ${network.name} (${network.id}) for SIZE ${options.size}.`,
  );
}

function giveBackReservation(tx: Transaction, network: Network, parentId: number): void {
  for (const lease of leasesOfNetwork(tx, parentId)) {
    if (lease.holder.kind === "network" && lease.holder.id === network.id) tx.delete(LEASES, lease.id);
  }
}
