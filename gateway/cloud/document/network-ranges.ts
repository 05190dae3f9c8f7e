/** AR_POOL of a VNET document: address ranges with their leases, which are kept as indexes and printed as addresses. */

import { z } from "zod";
import { isGatehouseError } from "../../../shared/errors.ts";
import type { Vector } from "../../../shared/template/types.ts";
import { addressesOf, completeRange, indexOfAddress, MAX_RANGE_SIZE, rangeEnds } from "../address.ts";
import type { AddressRange, JsonObject, Lease, LeaseHolder } from "../model.ts";
import { id, integer, listOf, type Report, reporter, text } from "./fields.ts";
import { EMPTY, printList } from "./json-form.ts";

const leaseShape = {
  IP: text.default(""),
  IP6: text.default(""),
  MAC: text.default(""),
  // -1: an address on hold, which no VM has (onevnet hold).
  VM: integer.optional(),
  VNET: id.optional(),
  VROUTER: id.optional(),
};

const lease = z.object(leaseShape, { error: "must be an object" });

type LeaseFields = z.output<typeof lease>;

/** What is computed from the rest, so that nothing is read from it. */
const DERIVED = [
  ...["MAC_END", "IP_END", "IP6_END", "IP6_ULA", "IP6_ULA_END", "IP6_GLOBAL", "IP6_GLOBAL_END"],
  ...["USED_LEASES", "ALLOCATED"],
];

const size = text
  .default("")
  .refine((read) => /^[1-9]\d{0,19}$/.test(read.trim()), { message: "must be given: a whole number from 1" });

const rangeSchema = z
  .object(
    {
      AR_ID: id.optional(),
      SIZE: size,
      NEXT_INDEX: id.default(0),
      LEASES: listOf("LEASE", lease),
    },
    { error: "must be an object" },
  )
  .catchall(text)
  .transform((read, context) => readRange(read, reporter(context)));

interface RangeFields {
  readonly AR_ID?: number | undefined;
  readonly SIZE: string;
  readonly NEXT_INDEX: number;
  readonly LEASES: readonly LeaseFields[];
}

interface RangeWithLeases {
  readonly range: Omit<AddressRange, "id"> & { readonly id: number | undefined };
  readonly leases: readonly Lease[];
}

/** Ranges in order, and their leases by range id. A range without AR_ID gets its place in the list. */
export const addressRanges = listOf("AR", rangeSchema).transform((read, context) => {
  const ranges: AddressRange[] = [];
  const leases = new Map<number, readonly Lease[]>();
  for (const [index, one] of read.entries()) {
    const range = { ...one.range, id: one.range.id ?? index };
    if (ranges.some((other) => other.id === range.id)) {
      reporter(context)(["AR", index, "AR_ID"], `must be unique: ${range.id} is there twice`);
    }
    ranges.push(range);
    if (one.leases.length > 0) leases.set(range.id, one.leases);
  }
  return { ranges, leases: leases as ReadonlyMap<number, readonly Lease[]> };
});

function readRange(read: RangeFields & Readonly<Record<string, unknown>>, report: Report): RangeWithLeases {
  const { AR_ID, SIZE, NEXT_INDEX, LEASES, ...others } = read;
  const declared = BigInt(SIZE.trim());
  const capped = declared > BigInt(MAX_RANGE_SIZE);
  const attributes = Object.fromEntries(
    Object.entries(others).filter(
      (entry): entry is [string, string] => typeof entry[1] === "string" && !DERIVED.includes(entry[0]),
    ),
  );
  const range = {
    id: AR_ID,
    size: capped ? MAX_RANGE_SIZE : Number(declared),
    nextIndex: NEXT_INDEX,
    // A bigger SIZE stays as declared: see MAX_RANGE_SIZE.
    attributes: capped ? { ...attributes, SIZE: String(declared) } : attributes,
  };
  try {
    const completed = { ...range, attributes: completeRange(range.attributes, range.size) };
    return { range: completed, leases: readLeases({ ...completed, id: AR_ID ?? 0 }, LEASES, report) };
  } catch (error) {
    if (!isGatehouseError(error)) throw error;
    // The text begins with the attribute's name (completeRange), which is the last step of the path.
    const [, name = "", problem = ""] = /^(\S+) (.*)\.$/s.exec(error.message) ?? [];
    report([name], problem);
    return { range, leases: [] };
  }
}

function readLeases(range: AddressRange, given: readonly LeaseFields[], report: Report): readonly Lease[] {
  const taken = new Set<number>();
  const leases: Lease[] = [];
  for (const [place, fields] of given.entries()) {
    const at = given.length > 1 ? ["LEASES", "LEASE", place] : ["LEASES", "LEASE"];
    const index = indexOfAddress(range, { ip: fields.IP, mac: fields.MAC, ip6: fields.IP6 });
    const holder = holderOf(fields);
    const shown = [fields.IP, fields.IP6, fields.MAC].filter((address) => address !== "").join(" ");
    if (index === undefined) report(at, `must be one address of its range, not ${shown || "none"}`);
    else if (holder === undefined) report(at, "must name one holder: VM, VNET or VROUTER");
    else if (taken.has(index)) report(at, `must be the only lease of its address: ${shown} is there twice`);
    else {
      taken.add(index);
      leases.push({ index, holder });
    }
  }
  return leases;
}

const HOLDER_KEYS = { vm: "VM", network: "VNET", router: "VROUTER" } as const;

function holderOf(fields: LeaseFields): LeaseHolder | undefined {
  const kinds = ["vm", "network", "router"] as const;
  const holders = kinds.flatMap((kind): LeaseHolder[] => {
    const holderId = fields[HOLDER_KEYS[kind]];
    return holderId === undefined || holderId < -1 ? [] : [{ kind, id: holderId }];
  });
  return holders.length === 1 ? holders[0] : undefined;
}

/** An AR with everything computed, in OpenNebula's order: attributes as the alphabet has them, then what is derived. */
export function printRange(range: AddressRange, leases: readonly Lease[]): JsonObject {
  const attributes: Vector = {
    SIZE: String(range.size),
    ...range.attributes,
    AR_ID: String(range.id),
    NEXT_INDEX: String(range.nextIndex),
  };
  const sorted = Object.entries(attributes).sort(([left], [right]) => (left < right ? -1 : 1));
  return {
    ...Object.fromEntries(sorted),
    ...rangeEnds(range),
    USED_LEASES: String(leases.length),
    LEASES: leases.length === 0 ? EMPTY : printLeases(range, leases),
  };
}

function printLeases(range: AddressRange, leases: readonly Lease[]): JsonObject {
  const addresses = addressesOf(range);
  const sorted = [...leases].sort((left, right) => left.index - right.index);
  return printList(
    "LEASE",
    sorted.map(({ index, holder }) => ({
      ...addresses(index),
      [HOLDER_KEYS[holder.kind]]: String(holder.id),
    })),
  );
}
