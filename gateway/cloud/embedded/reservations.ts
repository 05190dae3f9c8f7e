/** Reservations: networks whose addresses are lent by another, in runs, and go back to it when they are deleted. */

import { GatehouseError } from "../../../shared/errors.ts";
import type { Transaction } from "../../store/transaction.ts";
import type { Actor } from "../actor.ts";
import { indexOfAddress } from "../address.ts";
import type { AddressRange, Network } from "../model.ts";
import { authorize } from "../permissions.ts";
import type { LeaseAddress, Reservation } from "../pools/network-pools.ts";
import { LEASES, leaseKey, leasesOfNetwork, NETWORKS } from "./kinds.ts";
import { freeRun } from "./leases.ts";
import { checkName } from "./names.ts";
import { makeNetwork } from "./network-maker.ts";
import { missing } from "./pool.ts";
import { subRange } from "./ranges.ts";

/** A reservation is made at once, address by address: this bounds how long the event loop is held. A /16. */
const MAX_RESERVATION_SIZE = 65_536;

/** @throws GatehouseError `bad_request` for what no network could lend. */
export function checkReservation({ name, size, networkId }: Reservation): void {
  if (networkId === undefined) checkName(name ?? "");
  if (Number.isSafeInteger(size) && size >= 1 && size <= MAX_RESERVATION_SIZE) return;
  throw new GatehouseError(
    "bad_request",
    `SIZE must be a whole number from 1 to ${MAX_RESERVATION_SIZE}, not ${size}.`,
  );
}

/** Lends a run of addresses to a new network, or to one that has some already; returns its id. */
export function reserve(tx: Transaction, actor: Actor, network: Network, asked: Reservation): number {
  const { range, first } = findRun(tx, network, asked);
  const borrower =
    asked.networkId === undefined
      ? makeBorrower(tx, actor, network, asked.name ?? "")
      : existingBorrower(tx, actor, network, asked.networkId);
  const rangeId = Math.max(-1, ...borrower.ranges.map((other) => other.id)) + 1;
  const lent = { ...subRange(range, network.id, first, asked.size), id: rangeId };
  tx.put(NETWORKS, { ...borrower, ranges: [...borrower.ranges, lent] });
  for (let index = first; index < first + asked.size; index += 1) {
    tx.insertWithId(LEASES, {
      id: leaseKey(network.id, range.id, index),
      networkId: network.id,
      rangeId: range.id,
      index,
      holder: { kind: "network", id: borrower.id },
    });
  }
  return borrower.id;
}

function makeBorrower(tx: Transaction, actor: Actor, parent: Network, name: string): Network {
  const { NAME: _, ...template } = parent.template;
  const id = makeNetwork(tx, actor, { name, template, ranges: [], parent });
  return requireNetwork(tx, id);
}

/** Two parents would be two wires. */
function existingBorrower(tx: Transaction, actor: Actor, parent: Network, id: number): Network {
  const network = requireNetwork(tx, id);
  authorize(actor, network, "MANAGE", "NET");
  if (network.parentId === parent.id) return network;
  throw new GatehouseError(
    "bad_request",
    `NETWORK_ID must be a reservation of network ${parent.id}, which network ${id} is not.`,
  );
}

function requireNetwork(tx: Transaction, id: number): Network {
  const network = tx.get(NETWORKS, id);
  if (network === undefined) throw missing({ noun: "virtual network", label: "NET" }, id);
  return network;
}

interface Run {
  readonly range: AddressRange;
  readonly first: number;
}

function findRun(tx: Transaction, network: Network, { size, rangeId, first }: Reservation): Run {
  const ranges = network.ranges.filter(({ id }) => rangeId === undefined || id === rangeId);
  if (ranges.length === 0 && rangeId !== undefined)
    throw new GatehouseError("not_found", `Address Range does not exist [${rangeId}].`);
  if (first !== undefined) return runFrom(tx, network, ranges, first, size);
  for (const range of ranges) {
    const index = freeRun(tx, network, range, size);
    if (index !== undefined) return { range, first: index };
  }
  throw new GatehouseError(
    "conflict",
    `Not enough free addresses in a row in network ${network.name} (${network.id}) for SIZE ${size}.`,
  );
}

function runFrom(
  tx: Transaction,
  network: Network,
  ranges: readonly AddressRange[],
  address: LeaseAddress,
  size: number,
): Run {
  const shown = "ip" in address ? address.ip : address.mac;
  for (const range of ranges) {
    const first = indexOfAddress(range, address);
    if (first === undefined) continue;
    const isFree = (index: number) => tx.get(LEASES, leaseKey(network.id, range.id, index)) === undefined;
    let free = 0;
    while (free < size && first + free < range.size && isFree(first + free)) free += 1;
    if (free === size) return { range, first };
    throw new GatehouseError(
      "conflict",
      `Only ${free} addresses in a row are free from ${shown} on in network ${network.name} (${network.id}), not ${size}.`,
    );
  }
  throw new GatehouseError(
    "bad_request",
    `${shown} is in no address range of network ${network.name} (${network.id}).`,
  );
}

/** What a reservation that goes has had of its parent. */
export function giveBackReservation(tx: Transaction, network: Network, parentId: number): void {
  for (const lease of leasesOfNetwork(tx, parentId)) {
    if (lease.holder.kind === "network" && lease.holder.id === network.id) tx.delete(LEASES, lease.id);
  }
}
