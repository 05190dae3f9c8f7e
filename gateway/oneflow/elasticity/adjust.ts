/** The new cardinality that a policy asks for, and whether the role's limits allow it (spec elasticity.md 5). */

import type { Adjust, ElasticRole } from "./policy.ts";

type Limited = Pick<ElasticRole, "cardinality" | "min_vms" | "max_vms">;

/**
 * A role that somebody forced out of its limits is not pushed further, nor driven back: growing ends at the larger of
 * `max_vms` and what there is; shrinking ends at `min_vms`.
 */
export function adjusted(role: Limited, policy: Adjust): number {
  const asked = askedFor(role.cardinality, policy);
  if (policy.adjust > 0) return Math.min(asked, upperEnd(role));
  if (policy.adjust < 0) return Math.max(asked, role.min_vms ?? Number.NEGATIVE_INFINITY);
  return asked;
}

function upperEnd({ cardinality, max_vms }: Limited): number {
  return max_vms === undefined ? Number.POSITIVE_INFINITY : Math.max(cardinality, max_vms);
}

function askedFor(cardinality: number, policy: Adjust): number {
  switch (policy.type) {
    case "CHANGE":
      return cardinality + policy.adjust;
    case "CARDINALITY":
      return policy.adjust;
    case "PERCENTAGE_CHANGE":
      return cardinality + percentageStep(cardinality, policy);
  }
}

/** Never nothing: less than one VM is one. Where a share is exactly 0 the original takes one away, and so do we. */
function percentageStep(cardinality: number, { adjust, min_adjust_step = 0 }: Adjust): number {
  const change = (cardinality * adjust) / 100;
  const size = Math.max(Math.abs(change) < 1 ? 1 : Math.floor(Math.abs(change)), min_adjust_step);
  return change > 0 ? size : -size;
}

/** Why the role may not have this cardinality, in the original's words; undefined when it may. */
export function limitRefusal(role: Limited, cardinality: number): string | undefined {
  const { min_vms, max_vms } = role;
  if (cardinality < 0) return "Minimum cardinality is 0";
  if (cardinality < role.cardinality && min_vms !== undefined && cardinality < min_vms)
    return `Minimum cardinality is ${min_vms}`;
  if (cardinality > role.cardinality && max_vms !== undefined && cardinality > max_vms)
    return `Maximum cardinality is ${max_vms}`;
  return undefined;
}
