/** Leases: which address of which range belongs to whom. A lease is an object of its own, so big ranges stay cheap. */

import { GatehouseError } from "../../../shared/errors.ts";
import type { Vector } from "../../../shared/template/types.ts";
import type { Transaction } from "../../store/transaction.ts";
import { indexOfAddress, leaseAddresses } from "../address.ts";
import type { AddressRange, LeaseHolder, Network } from "../model.ts";
import { LEASES, leaseKey, NETWORKS } from "./kinds.ts";

/** An address taken: where it lies, and its IP, MAC, IP6_* as a NIC shows them. */
export interface TakenLease {
  readonly rangeId: number;
  readonly index: number;
  readonly addresses: Vector;
}

/** What the template asks for; all absent: the next free one. */
export interface WantedAddress {
  readonly ip?: string | undefined;
  /** A static IPv6 address. */
  readonly ip6?: string | undefined;
  readonly mac?: string | undefined;
}

/**
 * Takes an address of a network for a holder.
 * @throws GatehouseError `conflict` when the wanted one is taken or no address is free, `bad_request` when none has it.
 */
export function takeLease(
  tx: Transaction,
  networkId: number,
  holder: LeaseHolder,
  wanted: WantedAddress = {},
): TakenLease {
  const network = tx.get(NETWORKS, networkId);
  if (network === undefined)
    throw new GatehouseError("not_found", `Error getting virtual network [${networkId}].`);
  const place =
    wanted.ip || wanted.mac || wanted.ip6 ? wantedPlace(tx, network, wanted) : freePlace(tx, network);
  const { range, index } = place;
  tx.insertWithId(LEASES, {
    id: leaseKey(network.id, range.id, index),
    networkId,
    rangeId: range.id,
    index,
    holder,
  });
  const ranges = network.ranges.map((other) =>
    other.id === range.id ? { ...other, nextIndex: (index + 1) % range.size } : other,
  );
  tx.put(NETWORKS, { ...network, ranges });
  return { rangeId: range.id, index, addresses: leaseAddresses(range, index) };
}

interface Place {
  readonly range: AddressRange;
  readonly index: number;
}

function wantedPlace(tx: Transaction, network: Network, wanted: WantedAddress): Place {
  const address = wanted.ip ?? wanted.ip6 ?? wanted.mac;
  for (const range of network.ranges) {
    const index = indexOfAddress(range, wanted);
    if (index === undefined) continue;
    if (tx.get(LEASES, leaseKey(network.id, range.id, index)) === undefined) return { range, index };
    throw new GatehouseError("conflict", `${address} of network ${network.name} (${network.id}) is in use.`);
  }
  throw new GatehouseError(
    "bad_request",
    `${address} is in no address range of network ${network.name} (${network.id}).`,
  );
}

function freePlace(tx: Transaction, network: Network): Place {
  for (const range of network.ranges) {
    for (let step = 0; step < range.size; step += 1) {
      const index = (range.nextIndex + step) % range.size;
      if (tx.get(LEASES, leaseKey(network.id, range.id, index)) === undefined) return { range, index };
    }
  }
  throw new GatehouseError(
    "conflict",
    `Cannot get IP/MAC lease from virtual network ${network.id}: no address of ${network.name} is free.`,
  );
}

/** `count` free addresses in a row; undefined when the range has no such run. */
export function freeRun(
  tx: Transaction,
  network: Network,
  range: AddressRange,
  count: number,
): number | undefined {
  let run = 0;
  for (let index = 0; index < range.size; index += 1) {
    run = tx.get(LEASES, leaseKey(network.id, range.id, index)) === undefined ? run + 1 : 0;
    if (run === count) return index - count + 1;
  }
  return undefined;
}

/** Gives back what a NIC holds, if the holder is who it seems; a NIC without a network holds nothing. */
export function releaseNic(tx: Transaction, nic: Vector, holder: LeaseHolder): void {
  const network = nic.NETWORK_ID === undefined ? undefined : tx.get(NETWORKS, Number(nic.NETWORK_ID));
  const range = network?.ranges.find((other) => other.id === Number(nic.AR_ID ?? 0));
  if (network === undefined || range === undefined) return;
  const index = indexOfAddress(range, {
    mac: nic.MAC,
    ip: nic.MAC === undefined ? nic.IP : undefined,
  });
  if (index !== undefined) releaseLease(tx, leaseKey(network.id, range.id, index), holder);
}

/** Deletes a lease that this holder has. */
export function releaseLease(tx: Transaction, key: string, holder: LeaseHolder): void {
  const lease = tx.get(LEASES, key);
  if (lease?.holder.kind === holder.kind && lease.holder.id === holder.id) tx.delete(LEASES, key);
}
