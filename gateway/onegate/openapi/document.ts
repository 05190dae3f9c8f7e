/** The OpenAPI 3.1 document, made from the table of routes and the schemas of their documents. */

import { z } from "zod";
import { IF_NONE_MATCH, WAIT } from "../../http/openapi-parameters.ts";
import type { GateRoute } from "../route.ts";
import { type ContentDetail, OPERATIONS, type OperationDetail, type ParameterDetail } from "./operations.ts";
import { SCHEMAS } from "./schemas.ts";

/** Of this API: the first number changes when a client that keeps to the document could notice. */
const API_VERSION = "1.0.0";

/** Failures of every route, with what they mean. */
const FAILURES: Readonly<Record<number, string>> = {
  400: "The request is not understood; the sentence says why",
  401: "No token, or not a right one",
  403: "The token does not grant it, or it is closed here",
  404: "Not found",
  409: "Not in the present state",
  412: "Changed since the entity tag in If-Match",
  413: "Too large; the sentence says the bound",
  423: "Locked",
  429: "Too many requests; Retry-After says when to come back",
  500: "A failure of the server, which its log tells of under the request's id",
  503: "Not at present; Retry-After says when to come back",
};

const ON_EVERY_ROUTE = [400, 429, 500, 503];
/** 413 also of a GET: a form may say which VM asks. */
const ON_GUESTS_ROUTES = [401, 403, 413];

const CONDITIONAL: readonly ParameterDetail[] = [IF_NONE_MATCH];

const WHO: readonly object[] = [{ token: [], vm: [] }, { token: [] }];

export function openApiDocument(routes: readonly GateRoute[], server: string | undefined): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const route of routes) {
    const path = templated(route.path);
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operationOf(route) };
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "OneGate of Gatehouse",
      version: API_VERSION,
      summary: "Guests ask who they are, report, and act on their service.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    ...(server === undefined ? {} : { servers: [{ url: server }] }),
    paths,
    components: {
      schemas: Object.fromEntries(
        Object.entries(SCHEMAS).map(([name, schema]) => [name, z.toJSONSchema(schema, { io: "input" })]),
      ),
      securitySchemes: {
        token: { type: "apiKey", in: "header", name: "X-ONEGATE-TOKEN" },
        vm: { type: "apiKey", in: "header", name: "X-ONEGATE-VMID" },
      },
    },
  };
}

function operationOf(route: GateRoute): object {
  const detail = OPERATIONS[route.operation];
  const { description, body } = detail;
  const parameters = [...pathParameters(route.path), ...(detail.parameters ?? []), ...readParameters(route)];
  return {
    operationId: route.operation,
    summary: route.summary,
    ...(description === undefined ? {} : { description }),
    ...(route.access === "guest" ? { security: WHO } : { security: [] }),
    ...(parameters.length === 0 ? {} : { parameters: parameters.map(parameterOf) }),
    ...(body === undefined
      ? {}
      : { requestBody: { required: body.required, content: contentOf(body.content) } }),
    responses: responsesOf(route, detail),
  };
}

function readParameters(route: GateRoute): readonly ParameterDetail[] {
  if (route.method !== "GET") return [];
  return route.access === "guest" ? [...CONDITIONAL, WAIT] : CONDITIONAL;
}

function parameterOf({ required = false, ...parameter }: ParameterDetail): object {
  return { ...parameter, required };
}

function responsesOf(route: GateRoute, detail: OperationDetail): object {
  const { status, description, content } = detail.success;
  const reads = route.method === "GET";
  const headers = reads ? { headers: { ETag: { schema: { type: "string" } } } } : {};
  const success = {
    description,
    ...headers,
    ...(content.length === 0 ? {} : { content: contentOf(content) }),
  };
  const guests = route.access === "guest" ? ON_GUESTS_ROUTES : [];
  const failures = [...new Set([...ON_EVERY_ROUTE, ...guests, ...(detail.failures ?? [])])].sort();
  return {
    [status]: success,
    ...(reads ? { 304: { description: "It has not changed" } } : {}),
    ...Object.fromEntries(failures.map((code) => [code, failureOf(code)])),
  };
}

/** Plain text, labelled as JSON as recorded, or JSON for those who accept nothing else. */
function failureOf(status: number): object {
  const retry =
    status === 429 || status === 503
      ? { headers: { "Retry-After": { schema: { type: "integer", minimum: 1 } } } }
      : {};
  const schema = { anyOf: [{ $ref: "#/components/schemas/Error" }, { type: "string" }] };
  return { description: FAILURES[status], ...retry, content: { "application/json": { schema } } };
}

function contentOf(content: readonly ContentDetail[]): object {
  return Object.fromEntries(
    content.map(({ type, schema }) => [
      type,
      { schema: schema === "text" ? { type: "string" } : { $ref: `#/components/schemas/${schema}` } },
    ]),
  );
}

/** `/vms/:id/:path{.+}` is `/vms/{id}/{path}`. */
function templated(path: string): string {
  return path.replaceAll(/:([a-z]+)(\{[^}]*\})?/g, "{$1}");
}

const PATH_PARAMETERS: Readonly<Record<string, Omit<ParameterDetail, "name" | "in">>> = {
  id: { description: "An id", schema: { type: "string", pattern: "^(0|[1-9][0-9]*)$" } },
  role: { description: "The name of a role", schema: { type: "string" } },
  path: { description: "Names of the document's parts, with slashes between", schema: { type: "string" } },
};

function pathParameters(path: string): readonly ParameterDetail[] {
  return [...path.matchAll(/:([a-z]+)/g)].flatMap(([, name = ""]) => {
    const known = PATH_PARAMETERS[name];
    return known === undefined ? [] : [{ name, in: "path" as const, required: true, ...known }];
  });
}
