/** OneFlow's OpenAPI document is valid, names every route, and every route answers as it says. */

import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SYSTEM } from "../../gateway/cloud/actor.ts";
import type { EmbeddedCloud } from "../../gateway/cloud/embedded/embedded-cloud.ts";
import { type Autoscaler, startAutoscaler } from "../../gateway/oneflow/autoscaler/autoscaler.ts";
import { oneFlowSettingsSchema } from "../../gateway/oneflow/settings.ts";
import { makeUser, SILENT, testCloud } from "../support/embedded.ts";
import { fakeFlow } from "../support/fake-flow.ts";
import { hurriedClock } from "../support/hurried-clock.ts";
import { type FlowAnswer, type FlowAsk, type FlowDesk, openFlowDesk } from "../support/oneflow-app.ts";
import { type ApiDocument, type Operation, readApiDocument } from "../support/openapi.ts";

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
let api: ApiDocument;
let ids: { readonly service: number; readonly template: number };

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
  api = readApiDocument((await desk.ask("/openapi.json")).body);
});

afterAll(async () => {
  await autoscaler.close();
  await cloud.close();
});

/** What removes a document comes last. */
function operations(): readonly Operation[] {
  return api.operations.toSorted(
    (a, b) => Number(a.operationId.startsWith("delete")) - Number(b.operationId.startsWith("delete")),
  );
}

async function send({ method, path }: Operation, ask: FlowAsk, user?: string): Promise<FlowAnswer> {
  const id = path.startsWith("/service_template") ? ids.template : ids.service;
  const url = path.replace("{id}", String(id)).replace("{role}", "a").replace("{action}", "0");
  const request = { method, ...ask };
  return user === undefined ? await desk.ask(url, request) : await desk.askAs(user, url, request);
}

const JSON_PLEASE = { accept: "application/json" };

describe("OneFlow's OpenAPI document", () => {
  it("is valid OpenAPI 3.1, with a name for every operation and a parameter for every part of a path", async () => {
    await api.expectSound();
  });

  it("is what every route answers as, when nobody, a stranger, or somebody else asks", async () => {
    for (const operation of operations()) {
      const takesUser = operation.security.length > 0;
      for (const headers of [{}, { authorization: "Basic YTpi" }]) {
        const answer = await send(operation, { headers: { ...headers, ...JSON_PLEASE } });
        api.expectTold(operation, answer);
        expect([operation.operationId, answer.status === 401]).toEqual([operation.operationId, takesUser]);
      }
      if (operation.path.includes("{id}"))
        api.expectTold(
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
        api.expectTold(operation, answer);
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
      api.expectTold(operation, answer);
      if (body !== undefined) api.expectTaken(operation, body);
      if (operation.method !== "GET") continue;
      const again = { headers: { ...JSON_PLEASE, "if-none-match": answer.headers.get("etag") ?? "" } };
      expect([operation.operationId, (await send(operation, again, "alice")).status]).toEqual([
        operation.operationId,
        304,
      ]);
    }
  });
});
