/** What the OpenAPI document says of each operation beyond what its route says: what it takes, and what it answers. */

import type { SchemaName } from "./schemas.ts";

export interface ParameterDetail {
  readonly name: string;
  readonly in: "path" | "query" | "header";
  readonly description: string;
  readonly schema: object;
}

export interface OperationDetail {
  readonly description?: string;
  readonly parameters?: readonly ParameterDetail[];
  readonly body?: { readonly required: boolean; readonly schema: SchemaName };
  /** Of its success; `also` is another one of it. */
  readonly success: {
    readonly status: 200 | 201 | 204;
    readonly description: string;
    readonly schema?: SchemaName;
  };
  readonly also?: 204;
  /** Of its success where that is no JSON. */
  readonly mediaType?: "text/csv";
  /** Further failures than those of every route. */
  readonly failures?: readonly (404 | 409 | 412 | 423)[];
}

const PAGING: readonly ParameterDetail[] = [
  {
    name: "page",
    in: "query",
    description: "Which page of the list, from 1 on",
    schema: { type: "integer", minimum: 1 },
  },
  {
    name: "size",
    in: "query",
    description: "How many documents a page has; without page and size the list is whole",
    schema: { type: "integer", minimum: 1, maximum: 10_000 },
  },
];

const list = (schema: SchemaName): OperationDetail => ({
  parameters: PAGING,
  success: { status: 200, description: "The list; X-Total-Count says how many there are", schema },
});

const OF_DOCUMENT = [404, 409, 423] as const;
const DONE = { status: 204, description: "Taken, and durable; GET shows what becomes of it" } as const;

const commandWith = (schema: SchemaName, description?: string): OperationDetail => ({
  ...(description === undefined ? {} : { description }),
  body: { required: true, schema },
  success: DONE,
  failures: OF_DOCUMENT,
});

const SCHEDULES =
  "Any VM action (terminate, poweroff, resume, snapshot-create, ...) is scheduled on the VMs, with period and number " +
  "in params: so many VMs at a time, so many seconds apart.";

const EXPLANATION: OperationDetail = {
  description: "What a look at each policy finds now, what would come of it, and what prevents that.",
  success: { status: 200, description: "The explanation", schema: "Explanation" },
  failures: [404],
};

/** By the operation that a route names. */
const DETAILS = {
  listServices: list("ServicePool"),
  showService: {
    success: { status: 200, description: "The service", schema: "ServiceDocument" },
    failures: [404],
  },
  updateService: {
    ...commandWith("ServiceUpdate", "What the life cycle keeps (states, nodes, log) stays as it is."),
    failures: [...OF_DOCUMENT, 412],
  },
  deleteService: { success: DONE, failures: [...OF_DOCUMENT, 412] },
  actOnService: commandWith(
    "Action",
    `recover (params.delete), release, shutdown, rename, chown, chgrp, chmod. ${SCHEDULES}`,
  ),
  unscheduleService: { success: DONE, failures: OF_DOCUMENT },
  purgeServices: { success: DONE },
  scaleService: commandWith("Scale"),
  scaleRole: {
    ...commandWith("ScaleRole"),
    success: { status: 200, description: "Taken, and durable" },
  },
  changeRoles: commandWith("RoleAction"),
  actOnRole: commandWith("Action", SCHEDULES),
  unscheduleRole: { success: DONE, failures: OF_DOCUMENT },
  explainService: EXPLANATION,
  explainRole: EXPLANATION,
  showServiceMetrics: {
    description:
      "A head, and a line a reading of a VM: time (seconds since the epoch), role, vm, and its metrics.",
    parameters: [
      {
        name: "last",
        in: "query",
        description: "How far back: seconds, or a number with s, m, h or d; a day without it",
        schema: { type: "string", pattern: "^[0-9]{1,7}[smhd]?$" },
      },
    ],
    success: { status: 200, description: "The table" },
    mediaType: "text/csv",
    failures: [404],
  },
  listServiceTemplates: list("ServiceTemplatePool"),
  createServiceTemplate: {
    description: "Attributes that are not known are kept; the header X-Gatehouse-Warning names them.",
    body: { required: true, schema: "ServiceTemplate" },
    success: { status: 201, description: "The service template", schema: "ServiceTemplateDocument" },
    failures: [409],
  },
  showServiceTemplate: {
    success: { status: 200, description: "The service template", schema: "ServiceTemplateDocument" },
    failures: [404],
  },
  updateServiceTemplate: {
    body: { required: true, schema: "ServiceTemplate" },
    success: { status: 200, description: "The service template", schema: "ServiceTemplateDocument" },
    failures: [...OF_DOCUMENT, 412],
  },
  deleteServiceTemplate: {
    description: "`all` means images too, and this cloud has none: it is the same as `templates`.",
    body: { required: false, schema: "Deletion" },
    success: { status: 204, description: "Removed" },
    failures: [...OF_DOCUMENT, 412],
  },
  actOnServiceTemplate: {
    description:
      "instantiate (params.merge_template) and clone (name, recursive) give the new document; update (template_json or " +
      "template_raw, append), rename, chown, chgrp and chmod nothing.",
    body: { required: true, schema: "Action" },
    success: { status: 201, description: "The new service, or the copy", schema: "AnyDocument" },
    also: 204,
    failures: OF_DOCUMENT,
  },
  showOpenApi: { success: { status: 200, description: "This document", schema: "Value" } },
} as const satisfies Readonly<Record<string, OperationDetail>>;

export type OperationName = keyof typeof DETAILS;

export const OPERATIONS: Readonly<Record<OperationName, OperationDetail>> = DETAILS;
