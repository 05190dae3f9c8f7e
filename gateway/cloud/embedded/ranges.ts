/** Address ranges as asked for, and parts of them as reserved. */

import { randomBytes } from "node:crypto";
import { GatehouseError } from "../../../shared/errors.ts";
import type { Vector } from "../../../shared/template/types.ts";
import { completeRange, leaseAddresses, MAX_RANGE_SIZE } from "../address.ts";
import type { AddressRange } from "../model.ts";

/** An AR vector of a new network. @throws GatehouseError `bad_request` naming the attribute. */
export function parseRange(vector: Vector, id: number): AddressRange {
  const { SIZE: text = "1", AR_ID: _id, NEXT_INDEX: _next, ...attributes } = vector;
  const size = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(size >= 1 && size <= MAX_RANGE_SIZE)) {
    throw new GatehouseError("bad_request", `AR ${id}: SIZE must be 1 to ${MAX_RANGE_SIZE}, not "${text}".`);
  }
  return { id, size, nextIndex: 0, attributes: completeRange(attributes, size, freshMac) };
}

/** `size` addresses of a range from `first` on, as the only range of a reservation. */
export function subRange(range: AddressRange, networkId: number, first: number, size: number): AddressRange {
  const { IP, MAC, IP6 } = leaseAddresses(range, first);
  const moved = Object.entries({ IP, MAC, IP6 }).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  );
  return {
    id: 0,
    size,
    nextIndex: 0,
    attributes: {
      ...range.attributes,
      ...Object.fromEntries(moved),
      PARENT_NETWORK_AR_ID: String(range.id),
      PARENT_NETWORK_ID: String(networkId),
    },
  };
}

/** 02:00 and four random bytes, as OpenNebula gives a range that has no IP to take them from. */
function freshMac(): string {
  const bytes = [0x02, 0x00, ...randomBytes(4)];
  return bytes.map((byte) => byte.toString(16).padStart(2, "0")).join(":");
}
