/** OneFlow's OpenAPI document is valid, names every route, and every route answers as it says. */

import { Validator } from "@seriousme/openapi-schema-validator";
import { Ajv2020 } from "ajv/dist/2020.js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { SYSTEM } from "../../gateway/cloud/cloud.ts";
import type { EmbeddedCloud } from "../../gateway/cloud/embedded/embedded-cloud.ts";
import { type Autoscaler, startAutoscaler } from "../../gateway/oneflow/autoscaler/autoscaler.ts";
import { oneFlowSettingsSchema } from "../../gateway/oneflow/settings.ts";
import { makeUser, SILENT, testCloud } from "../support/embedded.ts";
import { fakeFlow } from "../support/fake-flow.ts";
import { hurriedClock } from "../support/hurried-clock.ts";
import { type FlowAnswer, type FlowAsk, type FlowDesk, openFlowDesk } from "../support/oneflow-app.ts";

const content = z.record(z.string(), z.object({ schema: z.looseObject({}) }));
const operationSchema = z.object({
  operationId: z.string(),
  security: z.array(z.record(z.string(), z.array(z.string()))),
  parameters: z.array(z.looseObject({ name: z.string(), in: z.string() })).optional(),
  requestBody: z.object({ content }).optional(),
  responses: z.record(z.string(), z.object({ description: z.string(), content: content.optional() })),
});
const documentSchema = z.looseObject({
  paths: z.record(z.string(), z.record(z.string(), operationSchema)),
  components: z.looseObject({ schemas: z.record(z.string(), z.looseObject({})) }),
});
type Operation = z.infer<typeof operationSchema> & { readonly method: string; readonly path: string };

const ROLE = { name: "a", type: "vm", template_id: 0, cardinality: 1 };
const TEMPLATE = { name: "web", deployment: "none", description: "", roles: [ROLE], registration_time: 1 };
const SERVICE = { ...TEMPLATE, roles: [{ ...ROLE, state: 2, nodes: [] }], state: 2, start_time: 1, log: [] };
const perform = (name: string, params: object = {}) => ({ action: { perform: name, params } });

/** Right bodies, by operation. */
const BODIES: Readonly<Record<string, object>> = {
  updateService: SERVICE,
  actOnService: perform("recover"),
  scaleService: { role_name: "a", cardinality: 2 },
  scaleRole: { cardinality: 2 },
  changeRoles: perform("add_role", { role: { ...ROLE, name: "b" } }),
  actOnRole: perform("poweroff"),
  createServiceTemplate: TEMPLATE,
  updateServiceTemplate: TEMPLATE,
  actOnServiceTemplate: perform("instantiate"),
};

let cloud: EmbeddedCloud;
let autoscaler: Autoscaler;
let desk: FlowDesk;
let document: z.infer<typeof documentSchema>;
let ids: { readonly service: number; readonly template: number };
let text: string;
const ajv = new Ajv2020({ strict: false });

beforeAll(async () => {
  ({ cloud } = await testCloud());
  const alice = await makeUser(cloud, SYSTEM, "alice");
  await makeUser(cloud, SYSTEM, "bob");
  const flow = fakeFlow(cloud);
  const clock = hurriedClock();
  const settings = oneFlowSettingsSchema.parse({});
  autoscaler = await startAutoscaler({ cloud, flow, settings, clock, log: SILENT });
  desk = openFlowDesk(cloud, flow, { clock, scaling: autoscaler });
  const make = (type: number, body: object) =>
    cloud.documents.allocate(alice, { type, name: "web", body: JSON.parse(JSON.stringify(body)) });
  ids = { service: await make(100, SERVICE), template: await make(101, TEMPLATE) };
  text = (await desk.ask("/openapi.json")).body;
  document = documentSchema.parse(JSON.parse(text));
  ajv.addSchema({ $id: "doc", components: document.components });
});

afterAll(async () => {
  await autoscaler.close();
  await cloud.close();
});

function operations(): readonly Operation[] {
  const all = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      ...operation,
      method: method.toUpperCase(),
      path,
    })),
  );
  // What removes a document comes last.
  return all.toSorted(
    (a, b) => Number(a.operationId.startsWith("delete")) - Number(b.operationId.startsWith("delete")),
  );
}

async function send({ method, path }: Operation, ask: FlowAsk, user?: string): Promise<FlowAnswer> {
  const id = path.startsWith("/service_template") ? ids.template : ids.service;
  const url = path.replace("{id}", String(id)).replace("{role}", "a").replace("{action}", "0");
  const request = { method, ...ask };
  return user === undefined ? await desk.ask(url, request) : await desk.askAs(user, url, request);
}

/** What the document says of an answer of this status and type; fails when it says nothing. */
function check(operation: Operation, { status, body, headers }: FlowAnswer): void {
  const told = operation.responses[String(status)];
  expect(told, `${operation.operationId} answers ${status}: ${body.slice(0, 200)}`).toBeDefined();
  if (told?.content === undefined) {
    expect(body).toBe("");
    return;
  }
  const type = headers.get("content-type")?.split(";", 1)[0] ?? "";
  expect(Object.keys(told.content)).toContain(type);
  if (type !== "application/json") return;
  const schema = JSON.parse(
    JSON.stringify(told.content[type]?.schema).replaceAll("#/components", "doc#/components"),
  );
  const isValid = ajv.validate(schema, JSON.parse(body));
  expect([operation.operationId, isValid, ajv.errorsText()]).toEqual([
    operation.operationId,
    true,
    "No errors",
  ]);
}

const JSON_PLEASE = { accept: "application/json" };

describe("OneFlow's OpenAPI document", () => {
  it("is valid OpenAPI 3.1", async () => {
    const result = await new Validator().validate(z.record(z.string(), z.unknown()).parse(JSON.parse(text)));
    expect([result.errors ?? [], result.valid]).toEqual([[], true]);
  });

  it("gives every operation a name of its own, and every part of a path its parameter", () => {
    const names = operations().map(({ operationId }) => operationId);
    expect(new Set(names).size).toBe(names.length);
    for (const { path, parameters = [] } of operations()) {
      const inPath = parameters.filter((parameter) => parameter.in === "path").map(({ name }) => name);
      expect(inPath).toEqual([...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name));
    }
  });

  it("is what every route answers as, when nobody, a stranger, or somebody else asks", async () => {
    for (const operation of operations()) {
      const takesUser = operation.security.length > 0;
      for (const headers of [{}, { authorization: "Basic YTpi" }]) {
        const answer = await send(operation, { headers: { ...headers, ...JSON_PLEASE } });
        check(operation, answer);
        expect([operation.operationId, answer.status === 401]).toEqual([operation.operationId, takesUser]);
      }
      if (operation.path.includes("{id}"))
        check(
          operation,
          await send(operation, { headers: JSON_PLEASE, body: BODIES[operation.operationId] }, "bob"),
        );
    }
  });

  it("is what every route answers as, when it is asked nonsense", async () => {
    const bodies = ["", "{", "[]", "null", '{"action":5}', '{"cardinality":"x"}', '{"delete_type":5}'];
    for (const operation of operations()) {
      if (operation.requestBody === undefined) continue;
      for (const body of bodies) {
        if (body === "" && operation.operationId === "deleteServiceTemplate") continue;
        const answer = await send(operation, { headers: JSON_PLEASE, body }, "alice");
        check(operation, answer);
        const isRefused = answer.status >= 400 && answer.status < 500;
        const isWhole = operation.operationId === "deleteServiceTemplate" && body.startsWith('{"');
        if (!isWhole)
          expect([operation.operationId, body, isRefused]).toEqual([operation.operationId, body, true]);
      }
    }
    ids = { ...ids, template: ids.template };
  });

  it("is what every route answers as, when it is asked rightly", async () => {
    const alice = await cloud.users.named("alice");
    if (alice === undefined) throw new Error("alice is gone");
    const actor = { uid: alice.id, name: alice.name, gid: alice.gid, gids: alice.gids };
    const type = 101;
    ids = {
      ...ids,
      template: await cloud.documents.allocate(actor, {
        type,
        name: "web",
        body: JSON.parse(JSON.stringify(TEMPLATE)),
      }),
    };
    for (const operation of operations()) {
      const body = BODIES[operation.operationId];
      const answer = await send(operation, { headers: JSON_PLEASE, body }, "alice");
      expect([operation.operationId, answer.status < 300, answer.body.slice(0, 200)]).toEqual([
        operation.operationId,
        true,
        answer.body.slice(0, 200),
      ]);
      check(operation, answer);
      const [schema] = Object.values(operation.requestBody?.content ?? {});
      if (schema !== undefined && body !== undefined) {
        const ours = JSON.parse(JSON.stringify(schema.schema).replaceAll("#/components", "doc#/components"));
        expect([operation.operationId, ajv.validate(ours, body), ajv.errorsText()]).toEqual([
          operation.operationId,
          true,
          "No errors",
        ]);
      }
      if (operation.method !== "GET") continue;
      const again = { headers: { ...JSON_PLEASE, "if-none-match": answer.headers.get("etag") ?? "" } };
      expect([operation.operationId, (await send(operation, again, "alice")).status]).toEqual([
        operation.operationId,
        304,
      ]);
    }
  });
});
