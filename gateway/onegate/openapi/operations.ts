/** What the OpenAPI document says of each operation beyond what its route says: what it takes, and what it answers. */

import type { SchemaName } from "./schemas.ts";

export interface ParameterDetail {
  readonly name: string;
  readonly in: "path" | "query" | "header";
  readonly description: string;
  readonly required?: boolean;
  readonly schema: object;
}

export interface ContentDetail {
  readonly type: string;
  /** A schema of the document, or plain text. */
  readonly schema: SchemaName | "text";
}

export interface OperationDetail {
  readonly description?: string;
  readonly parameters?: readonly ParameterDetail[];
  readonly body?: { readonly required: boolean; readonly content: readonly ContentDetail[] };
  /** Of its success: status, meaning and content. */
  readonly success: {
    readonly status: 200 | 204;
    readonly description: string;
    readonly content: readonly ContentDetail[];
  };
  /** Further failures than those every guest's route has (400, 401, 403, 429, 500, 503). */
  readonly failures?: readonly (404 | 409 | 412 | 423)[];
}

const JSON_TYPE = "application/json";
const TEXT_TYPE = "text/plain";

const document = (schema: SchemaName, description: string): OperationDetail => ({
  success: { status: 200, description, content: [{ type: JSON_TYPE, schema }] },
});

const VALUE: OperationDetail = {
  description: "A single value is plain text, whatever holds more is JSON. The path may have several names.",
  success: {
    status: 200,
    description: "The value",
    content: [
      { type: TEXT_TYPE, schema: "text" },
      { type: JSON_TYPE, schema: "Value" },
    ],
  },
  failures: [404],
};

const EXTENDED: ParameterDetail = {
  name: "extended",
  in: "query",
  description: "Whole documents of the VMs in place of short ones, when it is there at all",
  schema: { type: "string" },
};

const UPDATE: OperationDetail = {
  description:
    "The body is attribute text (`READY = YES`, one attribute a line), or a form with `data` and `type`.",
  parameters: [
    {
      name: "type",
      in: "query",
      description: "1: add or replace; 2: erase the attribute that is named",
      schema: { type: "string", enum: ["1", "2"], default: "1" },
    },
    {
      name: "data",
      in: "query",
      description: "The attribute text, where it is not the body",
      schema: { type: "string" },
    },
    {
      name: "If-Match",
      in: "header",
      description: "Only when the document still has one of these entity tags; 412 otherwise",
      schema: { type: "string" },
    },
  ],
  body: {
    required: false,
    content: [
      { type: TEXT_TYPE, schema: "text" },
      { type: "application/x-www-form-urlencoded", schema: "text" },
    ],
  },
  success: { status: 200, description: "Done, and durable", content: [] },
  failures: [404, 412],
};

/** By the operation that a route names. */
const DETAILS = {
  showRoot: document("Root", "URLs of the VM and of its service"),
  showVm: document("Vm", "The VM"),
  showVmById: { ...document("Vm", "The VM"), failures: [404] },
  showService: {
    ...document("Service", "The service"),
    parameters: [EXTENDED],
    failures: [404],
  },
  showRouter: { ...document("VirtualRouter", "The virtual router"), failures: [404] },
  showNetwork: {
    ...document("VirtualNetwork", "The virtual network with its leases"),
    parameters: [{ ...EXTENDED, description: "With `true`, how each VM uses its address" }],
    failures: [404],
  },
  showVmValue: VALUE,
  showVmByIdValue: VALUE,
  showServiceValue: VALUE,
  showRouterValue: VALUE,
  showNetworkValue: VALUE,
  updateVm: UPDATE,
  updateVmById: UPDATE,
  actOnVm: {
    body: { required: true, content: [{ type: JSON_TYPE, schema: "Action" }] },
    success: { status: 204, description: "Asked for; GET shows what becomes of it", content: [] },
    failures: [404, 409, 423],
  },
  scaleRole: {
    body: { required: true, content: [{ type: JSON_TYPE, schema: "Scale" }] },
    success: { status: 200, description: "Asked for", content: [] },
    failures: [404, 409, 412],
  },
  createToken: {
    description: "Trades the VM's token for one that ends by itself. A session token mints none.",
    body: { required: false, content: [{ type: JSON_TYPE, schema: "TokenRequest" }] },
    success: {
      status: 200,
      description: "The session token",
      content: [{ type: JSON_TYPE, schema: "SessionToken" }],
    },
  },
  showIdentity: {
    description:
      "A JWT, signed with EdDSA, that third parties verify with the keys of `/.well-known/jwks.json`.",
    parameters: [
      {
        name: "audience",
        in: "query",
        required: true,
        description: "For whom it is: the `aud` that the verifier expects",
        schema: { type: "string", minLength: 1, maxLength: 256 },
      },
      {
        name: "lifetime",
        in: "query",
        description: "Seconds until it ends, within the configured bound",
        schema: { type: "integer", minimum: 1 },
      },
    ],
    success: { status: 200, description: "The JWT", content: [{ type: "application/jwt", schema: "text" }] },
  },
  showKeys: { ...document("KeySet", "The public keys of identity tokens, as a JWK Set"), failures: [404] },
  showIssuer: {
    ...document("Value", "Who issues identity tokens, as OpenID Connect Discovery has it"),
    failures: [404],
  },
  showLimits: document("Value", "The limits"),
  showOpenApi: document("Value", "This document"),
} as const satisfies Readonly<Record<string, OperationDetail>>;

export type OperationName = keyof typeof DETAILS;

export const OPERATIONS: Readonly<Record<OperationName, OperationDetail>> = DETAILS;
