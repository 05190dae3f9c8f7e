/** Why the roles of a service scale, as OneFlow answers it; what is missing never keeps the rest from being shown. */

import { z } from "zod";
import { GatehouseError } from "../../../shared/errors.ts";

const number = z.number();

const ignoredSchema = z.object({ vm_id: number, place: z.string(), text: z.string(), reason: z.string() });

const readingSchema = z.object({
  key: z.string(),
  value: number.optional(),
  vms: number,
  of: number,
  ignored: z.array(ignoredSchema).catch([]),
  ignored_count: number.catch(0),
});

const preventionSchema = z.looseObject({ reason: z.string() });

const policySchema = z.object({
  kind: z.enum(["elasticity", "scheduled"]),
  index: number,
  mode: z.string().catch("act"),
  would: number.optional(),
  prevention: preventionSchema.optional(),
  cooldown: number,
  policy: z.object({
    type: z.string(),
    adjust: number,
    min_adjust_step: number.optional(),
    expression: z.string().optional(),
    start_time: z.union([z.string(), number]).optional(),
    recurrence: z.string().optional(),
  }),
  readings: z.array(readingSchema).catch([]),
  evaluated: z.string().optional(),
  verdict: z.string().optional(),
  true_evals: number.optional(),
  period_number: number.optional(),
});

const roleSchema = z.object({
  role: z.string(),
  cardinality: number,
  min_vms: number.optional(),
  max_vms: number.optional(),
  policies: z.array(policySchema),
  restores_minimum: z.boolean().catch(false),
  next_look: number.optional(),
});

const explanationSchema = z.object({
  service: number,
  name: z.string(),
  state: z.string(),
  at: number,
  roles: z.array(roleSchema),
});

export type Explanation = z.infer<typeof explanationSchema>;
export type ExplainedRole = z.infer<typeof roleSchema>;
export type ExplainedPolicy = z.infer<typeof policySchema>;
export type Prevented = z.infer<typeof preventionSchema>;

/** @throws GatehouseError `bad_request` for what is none. */
export function parseExplanation(text: string): {
  readonly explanation: Explanation;
  readonly json: unknown;
} {
  try {
    const json: unknown = JSON.parse(text);
    return { explanation: explanationSchema.parse(json), json };
  } catch (cause) {
    const sentence = "What answers explains no scaling: explain needs the OneFlow of a Gatehouse.";
    throw new GatehouseError("bad_request", sentence, { cause });
  }
}
