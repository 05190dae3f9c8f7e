/** The OpenAPI 3.1 document, made from the table of routes and the schemas of their documents. */

import { z } from "zod";
import { IF_NONE_MATCH, WAIT } from "../../../http/openapi-parameters.ts";
import type { FlowRoute } from "../route.ts";
import { OPERATIONS, type OperationDetail, type ParameterDetail } from "./operations.ts";
import { SCHEMAS, type SchemaName } from "./schemas.ts";

/** Of this API: the first number changes when a client that keeps to the document could notice. */
const API_VERSION = "1.0.0";

const FAILURES: Readonly<Record<number, string>> = {
  400: "The request is not understood, or asks for what may not be; the sentence says why",
  401: "No credentials, wrong ones, or a right that the user has not",
  404: "Not found",
  409: "Not in the present state",
  412: "Changed since the entity tag in If-Match",
  413: "Too large; the sentence says the bound",
  423: "Locked",
  429: "Too many requests that wait; Retry-After says when to come back",
  500: "A failure of the server, which its log tells of under the request's id",
  503: "Not at present; Retry-After says when to come back",
};

const ON_EVERY_ROUTE = [400, 413, 500, 503];
const ON_USERS_ROUTES = [401, 429];

const IF_MATCH: ParameterDetail = {
  name: "If-Match",
  in: "header",
  description: "Only when the document still has one of these entity tags; 412 otherwise",
  schema: { type: "string" },
};

export function openApiDocument(routes: readonly FlowRoute[]): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const route of routes) {
    const path = route.path.replaceAll(/:([a-z]+)/g, "{$1}");
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operationOf(route) };
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "OneFlow of Gatehouse",
      version: API_VERSION,
      summary: "Services of many VMs: their templates, and their life.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    paths,
    components: {
      schemas: Object.fromEntries(
        Object.entries(SCHEMAS).map(([name, schema]) => [name, jsonSchema(schema)]),
      ),
      securitySchemes: { user: { type: "http", scheme: "basic" } },
    },
  };
}

/** Whole numbers may be written as text, which a schema that reads them cannot tell by itself. */
function jsonSchema(schema: z.ZodType): object {
  return z.toJSONSchema(schema, {
    io: "input",
    unrepresentable: "any",
    override({ zodSchema, jsonSchema: told }) {
      if (zodSchema._zod.def.type === "pipe" && told.type === undefined) told.type = ["integer", "string"];
    },
  });
}

function operationOf(route: FlowRoute): object {
  const detail = OPERATIONS[route.operation];
  const { body } = detail;
  const right = route.access === "user" && route.right !== undefined ? `Takes ${route.right}.` : undefined;
  const description = [detail.description, right].filter((text) => text !== undefined).join(" ");
  const parameters = [...pathParameters(route.path), ...(detail.parameters ?? []), ...conditionsOf(route)];
  return {
    operationId: route.operation,
    summary: route.summary,
    ...(description === "" ? {} : { description }),
    security: route.access === "user" ? [{ user: [] }] : [],
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined
      ? {}
      : { requestBody: { required: body.required, content: { "application/json": schemaOf(body.schema) } } }),
    responses: responsesOf(route, detail),
  };
}

function conditionsOf(route: FlowRoute): readonly ParameterDetail[] {
  if (route.access === "public") return [IF_NONE_MATCH];
  if (route.method === "GET") return route.watched === undefined ? [IF_NONE_MATCH] : [IF_NONE_MATCH, WAIT];
  return route.conditional === true ? [IF_MATCH] : [];
}

function responsesOf(route: FlowRoute, detail: OperationDetail): object {
  const { status, description, schema } = detail.success;
  const reads = route.method === "GET";
  const success = {
    description,
    ...(reads ? { headers: { ETag: { schema: { type: "string" } } } } : {}),
    ...(schema === undefined ? {} : { content: contentOf(schema, route) }),
    ...(detail.mediaType === undefined
      ? {}
      : { content: { [detail.mediaType]: { schema: { type: "string" } } } }),
  };
  const users = route.access === "user" ? ON_USERS_ROUTES : [];
  const failures = [...new Set([...ON_EVERY_ROUTE, ...users, ...(detail.failures ?? [])])].sort();
  return {
    [status]: success,
    ...(detail.also === undefined ? {} : { [detail.also]: { description: "Done, and durable" } }),
    ...(reads ? { 304: { description: "It has not changed" } } : {}),
    ...Object.fromEntries(failures.map((code) => [code, failureOf(code)])),
  };
}

/** JSON labelled as text, as recorded, or as JSON for those who accept nothing else. */
function contentOf(schema: SchemaName, route: FlowRoute): object {
  const json = { "application/json": schemaOf(schema) };
  return route.access === "public" ? json : { ...json, "text/html": { schema: { type: "string" } } };
}

function failureOf(status: number): object {
  const retry =
    status === 429 || status === 503
      ? { headers: { "Retry-After": { schema: { type: "integer", minimum: 1 } } } }
      : {};
  const content = { "application/json": schemaOf("Error"), "text/html": { schema: { type: "string" } } };
  return { description: FAILURES[status], ...retry, content };
}

function schemaOf(name: SchemaName): object {
  return { schema: { $ref: `#/components/schemas/${name}` } };
}

const PATH_PARAMETERS: Readonly<Record<string, Omit<ParameterDetail, "name" | "in">>> = {
  id: { description: "The id of a document", schema: { type: "string", pattern: "^(0|[1-9][0-9]*)$" } },
  role: { description: "The name of a role", schema: { type: "string" } },
  action: {
    description: "The id of a scheduled action",
    schema: { type: "string", pattern: "^(0|[1-9][0-9]*)$" },
  },
};

function pathParameters(path: string): readonly object[] {
  return [...path.matchAll(/:([a-z]+)/g)].flatMap(([, name = ""]) => {
    const known = PATH_PARAMETERS[name];
    return known === undefined ? [] : [{ name, in: "path", required: true, ...known }];
  });
}
