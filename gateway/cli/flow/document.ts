/** Services and service templates as OneFlow answers them; what is missing or odd never keeps the rest from being shown. */

import { z } from "zod";
import { GatehouseError } from "../../../shared/errors.ts";

const word = z.union([z.string(), z.number()]).transform(String);
const textOr = (fallback: string) => word.catch(fallback);
const optionalText = word.optional().catch(undefined);
const optionalNumber = z.coerce.number().optional().catch(undefined);
const listOf = <T extends z.ZodType>(item: T) => z.array(item).catch([]);

const policySchema = z.object({
  type: textOr("CHANGE"),
  adjust: z.coerce.number().catch(0),
  min_adjust_step: optionalNumber,
  expression: textOr(""),
  expression_evaluated: optionalText,
  true_evals: optionalNumber,
  period_number: optionalNumber,
  period: optionalNumber,
  cooldown: optionalNumber,
  start_time: optionalText,
  recurrence: optionalText,
});

const vmSchema = z.object({
  ID: optionalText,
  NAME: textOr(""),
  UNAME: textOr(""),
  GNAME: textOr(""),
});

const nodeSchema = z.object({
  deploy_id: textOr(""),
  /** Older servers tell of VMs that come and go (spec oneflow-api.md 6). */
  scale_up: z.boolean().catch(false),
  disposed: z.boolean().catch(false),
  vm_info: z.object({ VM: vmSchema }).optional().catch(undefined),
});

const roleSchema = z.object({
  name: textOr(""),
  type: optionalText,
  state: optionalNumber,
  cardinality: z.coerce.number().catch(1),
  template_id: optionalText,
  vm_template: optionalText,
  parents: listOf(z.string()),
  min_vms: optionalNumber,
  max_vms: optionalNumber,
  shutdown_action: optionalText,
  vrouter_id: optionalText,
  elasticity_policies: listOf(policySchema),
  scheduled_policies: listOf(policySchema),
  nodes: listOf(nodeSchema),
});

const logSchema = z.object({
  timestamp: z.coerce.number().catch(0),
  severity: textOr("I"),
  message: textOr(""),
});

const bodySchema = z.object({
  deployment: textOr("none"),
  shutdown_action: optionalText,
  state: optionalNumber,
  start_time: z.coerce.number().catch(0),
  registration_time: z.coerce.number().catch(0),
  roles: listOf(roleSchema),
  log: listOf(logSchema),
});

const documentSchema = z.object({
  ID: word,
  NAME: textOr(""),
  UNAME: textOr(""),
  GNAME: textOr(""),
  TYPE: textOr(""),
  PERMISSIONS: z.record(z.string(), z.unknown()).catch({}),
  TEMPLATE: z.object({ BODY: z.record(z.string(), z.unknown()).catch({}) }).catch({ BODY: {} }),
});

export type FlowPolicy = z.infer<typeof policySchema>;
export type FlowNode = z.infer<typeof nodeSchema>;
export type FlowRole = z.infer<typeof roleSchema>;
export type FlowBody = z.infer<typeof bodySchema>;

export interface FlowDocument {
  readonly id: number;
  readonly name: string;
  readonly user: string;
  readonly group: string;
  readonly type: string;
  /** Of OWNER_U, GROUP_M and so on. */
  readonly has: (right: string) => boolean;
  readonly body: FlowBody;
  /** BODY as it came. */
  readonly source: Readonly<Record<string, unknown>>;
  /** The document as it came, without its root. */
  readonly json: unknown;
}

/** The document of `GET /service/5`. @throws GatehouseError `bad_request` for what is none. */
export function parseDocument(text: string): FlowDocument {
  const parsed = z.object({ DOCUMENT: z.unknown() }).safeParse(jsonOf(text));
  if (!parsed.success) throw noOneFlow();
  return documentOf(parsed.data.DOCUMENT);
}

/** The documents of `GET /service`, as they came; none of an empty pool. @throws GatehouseError `bad_request`. */
export function parsePool(text: string): readonly FlowDocument[] {
  const inner = z.object({ DOCUMENT: z.unknown().optional() });
  const parsed = z.object({ DOCUMENT_POOL: inner }).safeParse(jsonOf(text));
  if (!parsed.success) throw noOneFlow();
  const documents = parsed.data.DOCUMENT_POOL.DOCUMENT ?? [];
  // One alone may stand without brackets.
  return (Array.isArray(documents) ? documents : [documents]).map(documentOf);
}

function documentOf(json: unknown): FlowDocument {
  const parsed = documentSchema.safeParse(json);
  if (!parsed.success || !/^\d+$/.test(parsed.data.ID)) throw noOneFlow();
  const { ID, NAME, UNAME, GNAME, TYPE, PERMISSIONS, TEMPLATE } = parsed.data;
  const source = TEMPLATE.BODY;
  return {
    id: Number(ID),
    name: NAME,
    user: UNAME,
    group: GNAME,
    type: TYPE,
    has: (right) => String(PERMISSIONS[right]) === "1",
    body: bodySchema.parse(source),
    source,
    json,
  };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw noOneFlow();
  }
}

function noOneFlow(): GatehouseError {
  return new GatehouseError(
    "bad_request",
    "What answers is no OneFlow: ONEFLOW_URL must name one, such as http://localhost:2474.",
  );
}
