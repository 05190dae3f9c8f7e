/** Which VMs go first when a role shrinks (beyond the original, which takes the oldest). */

import { isYes } from "../../../shared/template/types.ts";
import { PolicyTextError } from "./error.ts";
import { parseReference } from "./expression.ts";
import type { ElasticRole } from "./policy.ts";
import type { Readings } from "./readings.ts";
import type { Reference } from "./syntax.ts";

/** What a guest writes about itself to be spared, in a role with `scale_in_protection`. */
export const PROTECTION_ATTRIBUTE = "SCALE_IN_PROTECTION";
const DEFAULT_METRIC = "MONITORING.CPU";

export interface ScaleIn {
  /** How many can go: fewer than asked where VMs are protected. */
  readonly count: number;
  /** Who goes, in order; empty where the role does not choose: then the oldest go. */
  readonly firstToGo: readonly number[];
  readonly protectedIds: readonly number[];
}

type ChoosingRole = Pick<ElasticRole, "scale_in" | "scale_in_metric" | "scale_in_protection">;

/** @param vmIds all VMs of the role, the oldest first. */
export function chooseScaleIn(
  role: ChoosingRole,
  vmIds: readonly number[],
  count: number,
  readings: Readings,
): ScaleIn {
  const { scale_in, scale_in_protection = false } = role;
  if (scale_in === undefined && !scale_in_protection) return { count, firstToGo: [], protectedIds: [] };
  const protectedIds = scale_in_protection
    ? vmIds.filter((id) => isYes(readings.guestText(id, PROTECTION_ATTRIBUTE)))
    : [];
  const spared = new Set(protectedIds);
  const free = vmIds.filter((id) => !spared.has(id));
  const firstToGo = inOrder(role, free, readings).slice(0, Math.max(0, count));
  return { count: firstToGo.length, firstToGo, protectedIds };
}

function inOrder(
  { scale_in = "oldest", scale_in_metric }: ChoosingRole,
  vmIds: readonly number[],
  readings: Readings,
): readonly number[] {
  switch (scale_in) {
    case "oldest":
      return vmIds;
    case "newest":
      return vmIds.toReversed();
    case "least_busy":
      return leastBusyFirst(vmIds, readings, referenceOf(scale_in_metric));
  }
}

/** A VM of which nothing is known comes last: it may be the busiest. Equals go by age, the oldest first. */
function leastBusyFirst(vmIds: readonly number[], readings: Readings, metric: Reference): readonly number[] {
  const load = new Map(vmIds.map((id) => [id, readings.ofVm(id, metric) ?? Number.POSITIVE_INFINITY]));
  return vmIds.toSorted((a, b) => {
    const [first = 0, second = 0] = [load.get(a), load.get(b)];
    return first === second ? 0 : first - second;
  });
}

/** What cannot be read (the schema lets none in) is as if it were not there. */
function referenceOf(text: string | undefined): Reference {
  try {
    if (text !== undefined) return parseReference(text);
  } catch (error) {
    if (!(error instanceof PolicyTextError)) throw error;
  }
  return parseReference(DEFAULT_METRIC);
}
