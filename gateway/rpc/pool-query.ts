/** What pool calls ask for: whose objects, which of them, and in OpenNebula's order (spec core-xmlrpc.md 1). */

import type { OwnerFilter } from "../cloud/pools/pool.ts";
import { CORE_CODE, CoreRefusal } from "./codes.ts";

/** The filter flag of a pool call. @throws CoreRefusal below -4. */
export function ownerFilter(flag: number): OwnerFilter {
  if (flag >= 0) return { kind: "user", uid: flag };
  switch (flag) {
    case -1:
      return { kind: "mine_and_groups" };
    case -2:
      return { kind: "all" };
    case -3:
      return { kind: "mine" };
    case -4:
      return { kind: "primary_group" };
    default:
      throw new CoreRefusal(CORE_CODE.XML_RPC_API, "Incorrect filter_flag, must be >= -4.");
  }
}

/** Newest first, as the core lists by default (API_LIST_ORDER = DESC, recorded). */
export function newestFirst<T extends { readonly id: number }>(objects: readonly T[]): readonly T[] {
  return [...objects].sort((left, right) => right.id - left.id);
}

/**
 * A pool's objects, newest first: ids from `start` to `end`, of which -1 leaves an end open; or, for `end` below -1, a
 * page of `-end` objects after the first `start`. A `start` of -1 is all, whatever `end` says, as the core has it.
 */
export function inRange<T extends { readonly id: number }>(
  objects: readonly T[],
  start: number,
  end: number,
): readonly T[] {
  const sorted = newestFirst(objects);
  if (end < -1) return sorted.slice(Math.max(start, 0), Math.max(start, 0) - end);
  if (start === -1) return sorted;
  return sorted.filter(({ id }) => id >= start && (end === -1 || id <= end));
}

/** A filter by attribute needs a database that searches JSON; ours and SQLite refuse it in the same words. */
export function refuseSearch(query: string): void {
  if (query.trim() !== "")
    throw new CoreRefusal(CORE_CODE.INTERNAL, "JSON query search is not supported by the SQL backend");
}
