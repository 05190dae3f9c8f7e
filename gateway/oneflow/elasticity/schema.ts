/** What the fields of policies and roles that are beyond the original may hold (docs/elasticity.md). */

import { z } from "zod";
import { parseReference } from "./expression.ts";
import { MISSING_DATA_RULES, MODES, SCALE_IN_CHOICES } from "./policy.ts";

const NAME = /^[A-Za-z][A-Za-z0-9_]*$/;
const MAX_GUEST_METRICS = 100;
const MAX_STABILIZATION_S = 86_400;

const seconds = z.int().min(0).max(MAX_STABILIZATION_S);

/** Spread into the shape of an elasticity policy. */
export const elasticityPolicyExtras = {
  mode: z.enum(MODES).exactOptional(),
  missing_data: z.enum(MISSING_DATA_RULES).exactOptional(),
  fallback_cardinality: z.int().min(0).exactOptional(),
} as const;

/** Spread into the shape of a scheduled policy. */
export const scheduledPolicyExtras = {
  mode: z.enum(MODES).exactOptional(),
} as const;

/** Spread into the shape of a service: what holds for roles that do not say it themselves. */
export const elasticServiceExtras = {
  guest_metrics: z
    .array(z.string().regex(NAME, "a name is a letter, then letters, digits and underscores"))
    .max(MAX_GUEST_METRICS)
    .exactOptional(),
} as const;

/** Spread into the shape of a role. */
export const elasticRoleExtras = {
  ...elasticServiceExtras,
  elasticity_mode: z.enum(MODES).exactOptional(),
  stabilization_up: seconds.exactOptional(),
  stabilization_down: seconds.exactOptional(),
  scale_in: z.enum(SCALE_IN_CHOICES).exactOptional(),
  scale_in_metric: z
    .string()
    .refine(isReference, "a metric is a name, with a place before it if need be (CPU, MONITORING.CPU)")
    .exactOptional(),
  scale_in_protection: z.boolean().exactOptional(),
} as const;

/** For a policy's own refinement: `fallback` needs to know where to. Undefined when all is well. */
export function extrasProblem(policy: {
  readonly missing_data?: string | undefined;
  readonly fallback_cardinality?: number | undefined;
}): string | undefined {
  const isFallback = policy.missing_data === "fallback";
  if (isFallback === (policy.fallback_cardinality !== undefined)) return undefined;
  return isFallback
    ? "'missing_data' fallback needs 'fallback_cardinality', the number of VMs to fall back to"
    : "'fallback_cardinality' is only used with 'missing_data' fallback";
}

function isReference(text: string): boolean {
  try {
    return parseReference(text).over === undefined;
  } catch {
    return false;
  }
}
