/** The documents of OneFlow as zod schemas: what the OpenAPI document shows, and what its check holds answers against. */

import { z } from "zod";
import { roleSchema, serviceTemplateSchema } from "../../schema/service-schema.ts";

const digits = z.string().regex(/^-?[0-9]+$/);
const bit = z.enum(["0", "1"]);

const permissions = z.strictObject({
  OWNER_U: bit,
  OWNER_M: bit,
  OWNER_A: bit,
  GROUP_U: bit,
  GROUP_M: bit,
  GROUP_A: bit,
  OTHER_U: bit,
  OTHER_M: bit,
  OTHER_A: bit,
});

const documentOf = <T extends z.ZodType>(type: "100" | "101", body: T) =>
  z.looseObject({
    ID: digits,
    UID: digits,
    GID: digits,
    UNAME: z.string(),
    GNAME: z.string(),
    NAME: z.string(),
    TYPE: z.literal(type),
    PERMISSIONS: permissions,
    TEMPLATE: z.looseObject({ BODY: body }),
  });

const node = z.looseObject({
  deploy_id: z.int(),
  vm_info: z.looseObject({ VM: z.looseObject({ ID: digits, NAME: z.string() }) }),
});

const serviceBody = z.looseObject({
  name: z.string(),
  deployment: z.string(),
  state: z.int().describe("0 PENDING to 15 HOLD"),
  start_time: z.int().describe("Seconds since the epoch"),
  log: z
    .array(z.looseObject({ timestamp: z.int(), severity: z.enum(["I", "E"]), message: z.string() }))
    .optional()
    .describe("The last fifty entries"),
  roles: z.array(
    z.looseObject({
      name: z.string(),
      cardinality: z.int(),
      state: z.int().describe("0 PENDING to 11 HOLD"),
      nodes: z.array(node).optional(),
    }),
  ),
});

const templateBody = z.looseObject({
  name: z.string(),
  deployment: z.string(),
  roles: z.array(z.looseObject({ name: z.string() })),
  registration_time: z.int().optional(),
});

const service = documentOf("100", serviceBody);
const template = documentOf("101", templateBody);

const poolOf = <T extends z.ZodType>(document: T) =>
  z.strictObject({ DOCUMENT_POOL: z.strictObject({ DOCUMENT: z.array(document).optional() }) });

const action = z.looseObject({
  action: z.looseObject({
    perform: z.string().describe("The action's name, such as instantiate, recover or chmod"),
    params: z.looseObject({}).optional(),
  }),
});

const cardinality = z.union([z.int().min(0), z.string().regex(/^[0-9]{1,15}$/)]);

const scale = z.looseObject({
  role_name: z.string(),
  cardinality,
  force: z.boolean().optional().describe("Beyond min_vms and max_vms, too"),
});

const scaleRole = z.looseObject({ cardinality, force: z.boolean().optional() });

const roleAction = z.looseObject({
  action: z.looseObject({
    perform: z.enum(["add_role", "remove_role"]),
    params: z.looseObject({
      role: z.union([z.string().describe("A role's name, or the JSON text of a new one"), roleSchema]),
    }),
  }),
});

const serviceUpdate = z.union([
  z.looseObject({ append: z.literal(true), template: z.string().describe("JSON text of what is replaced") }),
  serviceTemplateSchema,
]);

const deletion = z.looseObject({ delete_type: z.enum(["none", "templates", "all"]).optional() });

const reading = z.looseObject({
  key: z.string().describe("As in the expression"),
  value: z.number().optional().describe("Missing where no VM has it"),
  vms: z.int(),
  of: z.int(),
  ignored: z.array(
    z.looseObject({
      vm_id: z.int(),
      place: z.string(),
      text: z.string(),
      reason: z.enum(["no_number", "not_finite"]),
    }),
  ),
  ignored_count: z.int(),
});

const explainedPolicy = z.looseObject({
  kind: z.enum(["elasticity", "scheduled"]),
  index: z.int(),
  mode: z.enum(["off", "observe", "act"]),
  would: z.int().optional().describe("The cardinality that it would set if nothing prevented it"),
  prevention: z.looseObject({ reason: z.string() }).optional().describe("Missing: it acts"),
  cooldown: z.int(),
  policy: z.looseObject({ type: z.string(), adjust: z.int() }),
  readings: z.array(reading).optional(),
  evaluated: z.string().optional().describe("The expression with its values"),
  verdict: z.enum(["true", "false", "insufficient_data", "unreadable"]).optional(),
  true_evals: z.int().optional(),
  period_number: z.int().optional(),
  due_at: z.int().optional(),
});

const explanation = z.strictObject({
  service: z.int(),
  name: z.string(),
  state: z.string(),
  at: z.int().describe("Seconds since the epoch, as every time here"),
  roles: z.array(
    z.strictObject({
      role: z.string(),
      cardinality: z.int(),
      min_vms: z.int().optional(),
      max_vms: z.int().optional(),
      policies: z.array(explainedPolicy),
      restores_minimum: z.boolean(),
      next_look: z.int().optional().describe("Missing: only when something is heard"),
    }),
  ),
});

const failure = z.strictObject({ error: z.strictObject({ message: z.string() }) });

/** By their names in the document. */
export const SCHEMAS = {
  ServiceDocument: z.strictObject({ DOCUMENT: service }),
  ServicePool: poolOf(service),
  ServiceTemplateDocument: z.strictObject({ DOCUMENT: template }),
  ServiceTemplatePool: poolOf(template),
  /** A new service, or a new service template's copy. */
  AnyDocument: z.strictObject({ DOCUMENT: z.union([service, template]) }),
  ServiceTemplate: serviceTemplateSchema,
  ServiceUpdate: serviceUpdate,
  Explanation: explanation,
  Action: action,
  RoleAction: roleAction,
  Scale: scale,
  ScaleRole: scaleRole,
  Deletion: deletion,
  Value: z.unknown(),
  Error: failure,
} as const satisfies Record<string, z.ZodType>;

export type SchemaName = keyof typeof SCHEMAS;
