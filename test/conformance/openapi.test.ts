/** The OpenAPI document is valid, names every route, and every route answers as it says. */

import { Validator } from "@seriousme/openapi-schema-validator";
import { Ajv2020 } from "ajv/dist/2020.js";
import { beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { FakeCloud } from "../support/fake-cloud.ts";
import type { Answer, Ask, Gate } from "../support/onegate.ts";
import { openTrustedGate } from "../support/trusted-gate.ts";

const content = z.record(z.string(), z.object({ schema: z.looseObject({}) }));
const operationSchema = z.object({
  operationId: z.string(),
  security: z.array(z.record(z.string(), z.array(z.string()))),
  parameters: z.array(z.object({ name: z.string(), in: z.string(), required: z.boolean() })).optional(),
  requestBody: z.object({ content }).optional(),
  responses: z.record(z.string(), z.object({ description: z.string(), content: content.optional() })),
});
const documentSchema = z.looseObject({
  paths: z.record(z.string(), z.record(z.string(), operationSchema)),
  components: z.looseObject({ schemas: z.record(z.string(), z.looseObject({})) }),
});

type Operation = z.infer<typeof operationSchema> & { readonly method: string; readonly path: string };

/** What a right request needs that no schema can know: which VM asks, and for what. */
interface Sample {
  readonly vmId: number;
  readonly path: Readonly<Record<string, string>>;
  readonly query?: string;
  readonly body?: string;
}

const OF_SERVICE: Sample = { vmId: 7, path: { id: "8", path: "NAME", role: "only" } };
const OF_ROUTER: Sample = { vmId: 20, path: { id: "3", path: "NAME" } };

const SAMPLES: Readonly<Record<string, Sample>> = {
  showVmValue: { ...OF_SERVICE, path: { path: "USER_TEMPLATE/SERVICE_ID" } },
  showServiceValue: { ...OF_SERVICE, path: { path: "roles/0/nodes" } },
  showRouter: OF_ROUTER,
  showRouterValue: OF_ROUTER,
  showNetwork: OF_ROUTER,
  showNetworkValue: OF_ROUTER,
  updateVm: { ...OF_SERVICE, body: "A = 1" },
  updateVmById: { ...OF_SERVICE, body: "A = 1" },
  actOnVm: { ...OF_SERVICE, body: '{"action":{"perform":"resume"}}' },
  createToken: { ...OF_SERVICE, body: '{"lifetime_seconds":60}' },
  showIdentity: { ...OF_SERVICE, query: "audience=vault" },
  scaleRole: { ...OF_SERVICE, body: '{"cardinality":2}' },
};

let gate: Gate;
let text: string;
let document: z.infer<typeof documentSchema>;
const ajv = new Ajv2020({ strict: false });

beforeAll(async () => {
  const fake = new FakeCloud();
  fake.addService(1, { only: [7, 8] });
  fake.addRouter(0, [20, 21], { NIC: { NETWORK_ID: "3" } });
  fake.addNetwork(3);
  gate = await openTrustedGate({ fake, scaler: { scale: async () => undefined } });
  const { body } = await gate.ask("/openapi.json");
  text = body;
  document = documentSchema.parse(JSON.parse(text));
  ajv.addSchema({ $id: "doc", components: document.components });
});

function operations(): readonly Operation[] {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      ...operation,
      method: method.toUpperCase(),
      path,
    })),
  );
}

async function send({ operationId, method, path }: Operation, ask: Ask, asVm?: number): Promise<Answer> {
  const sample = SAMPLES[operationId] ?? OF_SERVICE;
  const names: Readonly<Record<string, string>> = sample.path;
  const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => names[name] ?? "0");
  const url = sample.query === undefined ? filled : `${filled}?${sample.query}`;
  const request = { method, ...ask };
  return asVm === undefined ? await gate.ask(url, request) : await gate.askAs(asVm, url, request);
}

/** What the document says of an answer of this status and type; fails when it says nothing. */
function check(operation: Operation, { status, body, headers }: Answer): void {
  const told = operation.responses[String(status)];
  expect(told, `${operation.operationId} answers ${status}: ${body.slice(0, 200)}`).toBeDefined();
  const type = headers.get("content-type")?.split(";", 1)[0] ?? "";
  if (told?.content === undefined) {
    expect(body).toBe("");
    return;
  }
  expect(Object.keys(told.content)).toContain(type);
  const schema = JSON.parse(
    JSON.stringify(told.content[type]?.schema).replaceAll("#/components", "doc#/components"),
  );
  const value: unknown = type === "application/json" ? jsonOr(body) : body;
  expect(
    ajv.validate(schema, value),
    `${operation.operationId}: ${ajv.errorsText()} in ${body.slice(0, 300)}`,
  ).toBe(true);
}

/** An error's plain text is labelled as JSON, as recorded. */
function jsonOr(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

describe("the OpenAPI document", () => {
  it("is valid OpenAPI 3.1", async () => {
    const result = await new Validator().validate(z.record(z.string(), z.unknown()).parse(JSON.parse(text)));
    expect(result.errors ?? []).toEqual([]);
    expect(result.valid).toBe(true);
  });

  it("gives every operation a name of its own, and every part of a path its parameter", () => {
    const names = operations().map(({ operationId }) => operationId);
    expect(new Set(names).size).toBe(names.length);
    for (const { path, parameters = [] } of operations()) {
      const inPath = parameters.filter((parameter) => parameter.in === "path").map(({ name }) => name);
      expect(inPath).toEqual([...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name));
    }
  });

  it("is what every route answers as, when it is asked rightly", async () => {
    for (const operation of operations()) {
      const sample = SAMPLES[operation.operationId] ?? OF_SERVICE;
      const [type] = Object.keys(operation.requestBody?.content ?? {});
      const headers = type === undefined ? {} : { "content-type": type };
      const answer = await send(operation, { headers, body: sample.body }, sample.vmId);
      expect([operation.operationId, answer.status < 300]).toEqual([operation.operationId, true]);
      check(operation, answer);
      const etag = answer.headers.get("etag");
      if (operation.method !== "GET") continue;
      expect(etag).toMatch(/^"/);
      const again = await send(operation, { headers: { "if-none-match": etag ?? "" } }, sample.vmId);
      // A token is another one each time.
      if (operation.responses["304"] !== undefined && operation.operationId !== "showIdentity")
        expect([operation.operationId, again.status]).toEqual([operation.operationId, 304]);
    }
  });

  it("is what every route answers as, when nobody, a stranger, or somebody else asks", async () => {
    for (const operation of operations()) {
      const needsToken = operation.security.length > 0;
      for (const headers of [{}, { "X-ONEGATE-TOKEN": "d3Jvbmc=", "X-ONEGATE-VMID": "7" }]) {
        const answer = await send(operation, { headers: { ...headers, accept: "application/json" } });
        check(operation, answer);
        expect([operation.operationId, answer.status === 401]).toEqual([operation.operationId, needsToken]);
      }
      for (const vmId of [7, 8, 20, 21]) check(operation, await send(operation, {}, vmId));
    }
  });

  it("is what every route answers as, when it is asked nonsense", async () => {
    const bodies = [
      "",
      "{",
      "[]",
      "null",
      '{"action":5}',
      "=",
      "A=[",
      '{"cardinality":"x"}',
      '{"lifetime_seconds":-1}',
    ];
    for (const operation of operations()) {
      if (operation.requestBody === undefined) continue;
      for (const body of bodies) check(operation, await send(operation, { body }, 7));
    }
  });
});
