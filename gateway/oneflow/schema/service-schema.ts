/**
 * Service templates as zod schemas (spec oneflow-api.md 5): attributes, their bounds and defaults. What one attribute
 * says about another is checked apart (role-rules.ts, parents.ts, network-references.ts). Attributes not named here
 * are kept.
 */

import { z } from "zod";
import {
  elasticityPolicyExtras,
  elasticRoleExtras,
  elasticServiceExtras,
  scheduledPolicyExtras,
} from "../elasticity/schema.ts";
import {
  arrayOf,
  asObject,
  flag,
  object,
  oneOf,
  roleName,
  serviceName,
  text,
  wholeNumber,
} from "./attributes.ts";
import { MAX_CARDINALITY, MAX_DECLARATIONS, MAX_PARENTS, MAX_POLICIES, MAX_ROLES } from "./limits.ts";

const shutdownAction = oneOf(["terminate", "terminate-hard", "shutdown", "shutdown-hard"]);

const adjustment = {
  type: oneOf(["CHANGE", "CARDINALITY", "PERCENTAGE_CHANGE"]),
  adjust: wholeNumber(-MAX_CARDINALITY, MAX_CARDINALITY),
  min_adjust_step: wholeNumber(1).exactOptional(),
  cooldown: wholeNumber(0).exactOptional(),
  last_eval: wholeNumber().exactOptional(),
};

export const elasticityPolicySchema = z.looseObject(
  {
    ...adjustment,
    expression: text,
    period_number: wholeNumber(0).exactOptional(),
    period: wholeNumber(0).exactOptional(),
    true_evals: wholeNumber().exactOptional(),
    expression_evaluated: text.exactOptional(),
    missing_evals: wholeNumber().exactOptional(),
    ...elasticityPolicyExtras,
  },
  asObject,
);

export const scheduledPolicySchema = z.looseObject(
  {
    ...adjustment,
    start_time: text.exactOptional(),
    recurrence: text.exactOptional(),
    ...scheduledPolicyExtras,
  },
  asObject,
);

/** Networks or user inputs by name: what they say is looked at when a service is made (requireValues). */
const declarations = object.refine((value) => Object.keys(value).length <= MAX_DECLARATIONS, {
  error: `must have at most ${MAX_DECLARATIONS} entries;`,
});

const role = {
  name: roleName,
  cardinality: wholeNumber(0, MAX_CARDINALITY).default(0),
  template_id: wholeNumber(),
  template_contents: object.exactOptional(),
  user_inputs: declarations.exactOptional(),
  user_inputs_values: object.exactOptional(),
  on_hold: flag.exactOptional(),
  parents: arrayOf(text, MAX_PARENTS).exactOptional(),
};

export const vmRoleSchema = z.looseObject({
  ...role,
  type: z.literal("vm"),
  shutdown_action: shutdownAction.exactOptional(),
  min_vms: wholeNumber(0, MAX_CARDINALITY).exactOptional(),
  max_vms: wholeNumber(0, MAX_CARDINALITY).exactOptional(),
  cooldown: wholeNumber(0).exactOptional(),
  elasticity_policies: arrayOf(elasticityPolicySchema, MAX_POLICIES).exactOptional(),
  scheduled_policies: arrayOf(scheduledPolicySchema, MAX_POLICIES).exactOptional(),
  ...elasticRoleExtras,
});

export const vrRoleSchema = z.looseObject({ ...role, type: z.literal("vr") });

export const roleSchema = z.discriminatedUnion("type", [vmRoleSchema, vrRoleSchema], asObject);

const objectId = z.union([z.int().min(0), z.string().regex(/^\s*[0-9]{1,15}\s*$/)]);

/** How a network is come by, in just one of the three ways. `id` beside another is what OneFlow notes there. */
export const networkValueSchema = z
  .looseObject({
    id: objectId.exactOptional(),
    template_id: objectId.exactOptional(),
    reserve_from: objectId.exactOptional(),
    extra: z.string().exactOptional(),
  })
  .refine((value) => {
    const made = [value.template_id, value.reserve_from].filter((id) => id !== undefined).length;
    return made === 1 || (made === 0 && value.id !== undefined);
  });

export const networksValuesSchema = arrayOf(
  z.record(z.string(), networkValueSchema).refine((entry) => Object.keys(entry).length === 1),
  MAX_DECLARATIONS,
);

export const serviceTemplateSchema = z.looseObject({
  name: serviceName,
  deployment: oneOf(["none", "straight"]).default("none"),
  description: text.default(""),
  shutdown_action: shutdownAction.exactOptional(),
  roles: arrayOf(roleSchema, MAX_ROLES),
  ready_status_gate: flag.exactOptional(),
  automatic_deletion: flag.exactOptional(),
  on_hold: flag.exactOptional(),
  networks: declarations.exactOptional(),
  networks_values: networksValuesSchema.exactOptional(),
  user_inputs: declarations.exactOptional(),
  user_inputs_values: object.exactOptional(),
  registration_time: wholeNumber().exactOptional(),
  ...elasticServiceExtras,
});

/** What a reader leaves out when its value is `null`, or `false` without being a flag: as if it were not there. */
export const FLAGS: ReadonlySet<string> = new Set([
  "on_hold",
  "ready_status_gate",
  "automatic_deletion",
  "scale_in_protection",
]);
