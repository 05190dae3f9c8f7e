import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Answer } from "../support/onegate.ts";
import { openRecordedGate, recordedExchanges } from "../support/onegate-replay.ts";

/** Requests beside those recorded, in the recorded world: what one recording says holds for its siblings. */
let gate: Awaited<ReturnType<typeof openRecordedGate>>;

beforeAll(async () => {
  gate = await openRecordedGate();
});
afterAll(() => gate.cloud.close());

/** Whose recorded headers are sent: a VM of a service, of a router, and alone. */
const AS = { service: "vm-service", router: "vm-vrouter", alone: "vm-standalone" } as const;

async function ask(
  who: keyof typeof AS | undefined,
  method: string,
  path: string,
  body: string | null = null,
): Promise<Answer> {
  const recorded = recordedExchanges().find(({ name }) => name === (who && AS[who]));
  return await gate.send({ method, path, headers: recorded?.request.headers ?? {}, body });
}

describe("an id below zero is well-formed and names nothing (vnet-neg)", () => {
  it.each([
    ["service", "GET", "/vms/-1", 400, "Service 292 does not contain VM -1."],
    ["service", "PUT", "/vms/-1", 400, "Service 292 does not contain VM -1."],
    ["service", "POST", "/vms/-1/action", 400, "Service 292 does not contain VM -1."],
    ["router", "GET", "/vms/-1", 400, "Virtual Router 0 does not contain VM -1."],
    ["router", "GET", "/vnet/-1?extended=true", 404, "Virtual network -1 not found"],
    ["router", "GET", "/vnet/-0", 400, "Invalid id format (ID: -0). ID must be an integer."],
  ] as const)("%s: %s %s", async (who, method, path, status, body) => {
    const written = method === "GET" ? null : "A=1";
    expect(await ask(who, method, path, written)).toMatchObject({ status, body });
  });
});

describe("what is no integer is refused before who asks matters (vnet-nonnum)", () => {
  it.each(["router", "service", "alone"] as const)("%s", async (who) => {
    const body = "Invalid id format (ID: abc). ID must be an integer.";
    expect(await ask(who, "GET", "/vnet/abc")).toMatchObject({ status: 400, body });
  });

  it("but not before the token", async () => {
    expect(await ask(undefined, "GET", "/vnet/abc")).toMatchObject({ status: 401, body: "Not authorized" });
  });
});

describe("a path that the original has not is unknown, whoever asks (unknown-get, unknown-noauth)", () => {
  it.each([
    "/vm/249",
    "/vm/249/x",
    "/service/292",
    "/service/role/worker",
    "/service/role",
    "/vrouter/0",
    "/vnet/0/1",
    "/vms/250/action",
    "/vms/250/0",
  ])("GET %s", async (path) => {
    const answer = { status: 400, body: "OneGate server doesn't support this feature" };
    for (const who of ["service", "router", undefined] as const)
      expect(await ask(who, "GET", path)).toMatchObject(answer);
  });

  it("and values are not", async () => {
    expect(await ask("service", "GET", "/service/roles/worker/cardinality")).toMatchObject({
      status: 200,
      body: "2",
    });
    expect((await ask("service", "GET", "/vm/ACTION")).status).toBe(404);
  });
});

describe("what only administrators may set in a VM (xmlrpc: vm-update-restricted)", () => {
  it.each(["CPU_COST=3", "OK=1\ncpu_cost = 3", 'NIC_DEFAULT=[BRIDGE="br0"]'])(
    "is not a guest's to set: %j",
    async (text) => {
      const before = (await ask("service", "GET", "/vm")).body;
      expect(await ask("service", "PUT", "/vm", text)).toMatchObject({
        status: 403,
        body: expect.stringMatching(
          /^Cannot update template\. User Template includes a restricted attribute [A-Z_/]+$/,
        ),
      });
      expect((await ask("service", "GET", "/vm")).body).toBe(before);
    },
  );
});
