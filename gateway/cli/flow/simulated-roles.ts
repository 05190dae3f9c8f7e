/** What of a service template its scaling hangs on, for a simulation: the roles with policies or limits. */

import { z } from "zod";
import { GatehouseError } from "../../../shared/errors.ts";
import { parseExpression } from "../../oneflow/elasticity/expression.ts";
import { ADJUSTMENTS, type ElasticRole, withServiceDefaults } from "../../oneflow/elasticity/policy.ts";
import {
  elasticityPolicyExtras,
  elasticRoleExtras,
  elasticServiceExtras,
  scheduledPolicyExtras,
} from "../../oneflow/elasticity/schema.ts";
import type { JsonObject } from "./json-input.ts";

/** Commands and older documents write numbers as text. */
const whole = z.union([
  z.int(),
  z
    .string()
    .regex(/^-?[0-9]{1,9}$/)
    .transform(Number),
]);

const adjust = {
  type: z.enum(ADJUSTMENTS),
  adjust: whole,
  min_adjust_step: whole.exactOptional(),
  cooldown: whole.exactOptional(),
};

/** What was counted while a service ran is no part of its policies. */
const elasticityPolicy = z.object({
  ...adjust,
  expression: z.string(),
  period: whole.exactOptional(),
  period_number: whole.exactOptional(),
  ...elasticityPolicyExtras,
});

const scheduledPolicy = z.object({
  ...adjust,
  start_time: z.union([z.string(), z.number()]).exactOptional(),
  recurrence: z.string().exactOptional(),
  ...scheduledPolicyExtras,
});

const role = z.object({
  name: z.string(),
  cardinality: whole.default(1),
  min_vms: whole.exactOptional(),
  max_vms: whole.exactOptional(),
  cooldown: whole.exactOptional(),
  elasticity_policies: z.array(elasticityPolicy).exactOptional(),
  scheduled_policies: z.array(scheduledPolicy).exactOptional(),
  ...elasticRoleExtras,
});

const template = z.object({ roles: z.array(role), ...elasticServiceExtras });

/**
 * @param roleName the only one
 * @throws GatehouseError `bad_request` with what cannot be read, also in an expression
 */
export function simulatedRoles(source: JsonObject, roleName: string | undefined): readonly ElasticRole[] {
  const parsed = template.safeParse(source);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const place = issue === undefined || issue.path.length === 0 ? "" : ` at ${issue.path.join(".")}`;
    throw new GatehouseError(
      "bad_request",
      `The template cannot be read${place}: ${issue?.message ?? "it is none"}.`,
    );
  }
  const roles = parsed.data.roles.filter(({ name }) => roleName === undefined || name === roleName);
  if (roles.length === 0)
    throw new GatehouseError("bad_request", `The template has no role ${roleName ?? "at all"}.`);
  for (const { elasticity_policies = [] } of roles)
    for (const { expression } of elasticity_policies) parseExpression(expression);
  return roles.map((each) => withServiceDefaults(each, parsed.data));
}
