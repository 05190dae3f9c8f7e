/** The OpenAPI document is valid, names every route, and every route answers as it says. */

import { beforeAll, describe, expect, it } from "vitest";
import { FakeCloud } from "../support/fake-cloud.ts";
import type { Answer, Ask, Gate } from "../support/onegate.ts";
import { type ApiDocument, type Operation, readApiDocument } from "../support/openapi.ts";
import { openTrustedGate } from "../support/trusted-gate.ts";

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
let api: ApiDocument;

beforeAll(async () => {
  const fake = new FakeCloud();
  fake.addService(1, { only: [7, 8] });
  fake.addRouter(0, [20, 21], { NIC: { NETWORK_ID: "3" } });
  fake.addNetwork(3);
  gate = await openTrustedGate({ fake, scaler: { scale: async () => undefined } });
  api = readApiDocument((await gate.ask("/openapi.json")).body);
});

async function send({ operationId, method, path }: Operation, ask: Ask, asVm?: number): Promise<Answer> {
  const sample = SAMPLES[operationId] ?? OF_SERVICE;
  const names: Readonly<Record<string, string>> = sample.path;
  const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => names[name] ?? "0");
  const url = sample.query === undefined ? filled : `${filled}?${sample.query}`;
  const request = { method, ...ask };
  return asVm === undefined ? await gate.ask(url, request) : await gate.askAs(asVm, url, request);
}

describe("the OpenAPI document", () => {
  it("is valid OpenAPI 3.1, with a name for every operation and a parameter for every part of a path", async () => {
    await api.expectSound();
  });

  it("is what every route answers as, when it is asked rightly", async () => {
    for (const operation of api.operations) {
      const sample = SAMPLES[operation.operationId] ?? OF_SERVICE;
      const [type] = Object.keys(operation.requestBody?.content ?? {});
      const headers = type === undefined ? {} : { "content-type": type };
      const answer = await send(operation, { headers, body: sample.body }, sample.vmId);
      expect([operation.operationId, answer.status < 300]).toEqual([operation.operationId, true]);
      api.expectTold(operation, answer);
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
    for (const operation of api.operations) {
      const needsToken = operation.security.length > 0;
      for (const headers of [{}, { "X-ONEGATE-TOKEN": "d3Jvbmc=", "X-ONEGATE-VMID": "7" }]) {
        const answer = await send(operation, { headers: { ...headers, accept: "application/json" } });
        api.expectTold(operation, answer);
        expect([operation.operationId, answer.status === 401]).toEqual([operation.operationId, needsToken]);
      }
      for (const vmId of [7, 8, 20, 21]) api.expectTold(operation, await send(operation, {}, vmId));
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
    for (const operation of api.operations) {
      if (operation.requestBody === undefined) continue;
      for (const body of bodies) api.expectTold(operation, await send(operation, { body }, 7));
    }
  });
});
