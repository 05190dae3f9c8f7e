import { request as httpRequest, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createServiceDirectory } from "../../gateway/oneflow/directory.ts";
import { createOneGate } from "../../gateway/onegate/app.ts";
import { oneGateSettingsSchema } from "../../gateway/onegate/settings.ts";
import { systemClock } from "../../shared/clock.ts";
import type { LogDetails } from "../../shared/log.ts";
import { silentLogger } from "../../shared/log.ts";
import { FakeCloud } from "../support/fake-cloud.ts";
import { guestHeaders, openGate } from "../support/onegate.ts";

const MAX_BODY_BYTES = 4_096;

interface Reply {
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

let fake: FakeCloud;
let server: Server;

beforeEach(async () => {
  fake = new FakeCloud();
  fake.addService(1, { only: [7] });
  const cloud = fake.cloud();
  const app = createOneGate({
    cloud,
    services: createServiceDirectory(cloud),
    settings: oneGateSettingsSchema.parse({ maxBodyBytes: MAX_BODY_BYTES }),
    clock: systemClock,
    log: silentLogger,
  });
  server = createAdaptorServer({ fetch: app.fetch }) as Server;
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

/** A request through a socket; `chunks` go out without a length. */
function send(
  method: string,
  path: string,
  {
    headers = {},
    body,
    chunks,
  }: { headers?: Record<string, string>; body?: string; chunks?: readonly string[] } = {},
): Promise<Reply> {
  const { port } = server.address() as AddressInfo;
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest(
      { host: "127.0.0.1", port, method, path, headers: { ...guestHeaders(fake, 7), ...headers } },
      (response) => {
        const parts: Buffer[] = [];
        response.on("data", (part: Buffer) => parts.push(part));
        response.on("end", () =>
          resolve({
            status: response.statusCode,
            headers: response.headers,
            body: Buffer.concat(parts).toString(),
          }),
        );
      },
    );
    outgoing.on("error", reject);
    for (const chunk of chunks ?? []) outgoing.write(chunk);
    outgoing.end(body);
  });
}

describe("over HTTP", () => {
  it("answers a VM with the recorded headers", async () => {
    const { status, headers, body } = await send("GET", "/vm");
    expect(status).toBe(200);
    expect(headers["content-type"]).toBe("application/json;charset=utf-8");
    expect(headers["x-content-type-options"]).toBe("nosniff");
    expect(headers["content-length"]).toBe(String(Buffer.byteLength(body)));
    expect(JSON.parse(body).VM.ID).toBe("7");
  });

  it("answers a write with an empty body that has a length and a type, and an action with neither", async () => {
    const put = await send("PUT", "/vm", { body: "A=1" });
    expect(put).toMatchObject({ status: 200, body: "" });
    expect(put.headers).toMatchObject({
      "content-length": "0",
      "content-type": "application/json;charset=utf-8",
    });
    const action = await send("POST", "/vms/7/action", { body: '{"action":{"perform":"stop"}}' });
    expect(action.status).toBe(204);
    expect(action.headers).not.toHaveProperty("content-type");
  });

  it("reads the form in the body of a GET, as the guest's command sends it", async () => {
    const headers = { "Content-Type": "application/x-www-form-urlencoded", "Content-Length": "13" };
    const plain = JSON.parse((await send("GET", "/service")).body);
    const extended = JSON.parse((await send("GET", "/service", { headers, body: "extended=true" })).body);
    expect(plain.SERVICE.roles[0].nodes[0].vm_info.VM).not.toHaveProperty("STATE");
    expect(extended.SERVICE.roles[0].nodes[0].vm_info.VM).toHaveProperty("STATE", "3");
  });

  it("takes a body that arrives in pieces, and stops one that outgrows the bound", async () => {
    expect((await send("PUT", "/vm", { chunks: ["A=", "12", "3"] })).status).toBe(200);
    expect(fake.vm(7).userTemplate.A).toBe("123");
    const piece = "x".repeat(1_024);
    const refused = await send("PUT", "/vm", { chunks: ["A=", piece, piece, piece, piece, piece] });
    expect(refused).toMatchObject({
      status: 413,
      body: `The body is too large: at most ${MAX_BODY_BYTES} bytes are taken.`,
    });
    expect(refused.headers.connection).toBe("close");
  });

  it("refuses an announced size before it reads a byte", async () => {
    const { port } = server.address() as AddressInfo;
    const reply = await new Promise<number | undefined>((resolve, reject) => {
      const headers = { ...guestHeaders(fake, 7), "Content-Length": "999999" };
      const outgoing = httpRequest(
        { host: "127.0.0.1", port, method: "PUT", path: "/vm", headers },
        (response) => {
          resolve(response.statusCode);
          outgoing.destroy();
        },
      );
      outgoing.on("error", reject);
      outgoing.flushHeaders();
    });
    expect(reply).toBe(413);
  });

  it("asks who it is before it reads a body", async () => {
    const headers = { "X-ONEGATE-TOKEN": "zz" };
    const body = "x".repeat(MAX_BODY_BYTES + 1);
    expect(await send("PUT", "/vm", { headers, body })).toMatchObject({
      status: 401,
      body: "Not authorized",
    });
  });

  it.each(["GET //vm", "GET ///vm?a=b", "GET /v%6d", "HEAD /vm"])("takes %s for /vm", async (line) => {
    const [method = "", path = ""] = line.split(" ");
    expect((await send(method, path)).status).toBe(200);
  });

  it.each([
    "GET /vm/",
    "GET /vms",
    "GET /nosuch",
    "POST /vm",
    "DELETE /vm",
    "PATCH /vm",
    "OPTIONS /vm",
    "LINK /vm",
    "PUT /service",
    "GET /VM",
  ])("does not support %s", async (line) => {
    const [method = "", path = ""] = line.split(" ");
    const body = "OneGate server doesn't support this feature";
    expect(await send(method, path)).toMatchObject({ status: 400, body });
    expect(await send(method, path, { headers: { "X-ONEGATE-TOKEN": "" } })).toMatchObject({
      status: 400,
      body,
    });
  });

  it("tells in the root where it was reached", async () => {
    const root = await send("GET", "/", {
      headers: { Host: "onegate.example", "X-Forwarded-Proto": "https" },
    });
    expect(root.body).toBe(
      '{"vm_info":"https://onegate.example/vm","service_info":"https://onegate.example/service"}',
    );
  });
});

describe("the root", () => {
  it.each([
    [{ sslServer: "https://gate.example/" }, "https", "https://gate.example//vm"],
    [{}, "https", "https://127.0.0.1:5030/vm"],
    [{}, "javascript", "http://127.0.0.1:5030/vm"],
  ])("names its base by the settings %j, behind a proxy for %s", async (settings, scheme, expected) => {
    const gate = openGate(fake, { settings });
    const answer = await gate.askAs(7, "/", { headers: { "X-Forwarded-Proto": scheme } });
    expect(JSON.parse(answer.body).vm_info).toBe(expected);
  });
});

describe("errors", () => {
  it.each([
    ["*/*", "Not authorized"],
    ["text/plain", "Not authorized"],
    ["application/json;q=0, */*", "Not authorized"],
    ["application/json", '{"error":{"message":"Not authorized"}}'],
    ["text/html, Application/JSON;q=0.9", '{"error":{"message":"Not authorized"}}'],
  ])("come as %s asks", async (accept, body) => {
    const answer = await openGate(fake).ask("/vm", { headers: { accept } });
    expect(answer).toMatchObject({ status: 401, body });
    expect(answer.headers.get("content-type")).toBe("application/json;charset=utf-8");
    expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
  });

  it("of our own are logged, and told to nobody", async () => {
    const logged: LogDetails[] = [];
    const log = { ...silentLogger, error: (details: LogDetails) => void logged.push(details) };
    const broken = {
      find: async () => Promise.reject(new Error("the disk is on fire")),
      peek: () => undefined,
    };
    const answer = await openGate(fake, { log, services: broken }).askAs(7, "/service");
    expect(answer).toMatchObject({ status: 500, body: "Internal server error" });
    expect(logged).toEqual([
      expect.objectContaining({ err: expect.objectContaining({ message: "the disk is on fire" }) }),
    ]);
  });
});

describe("the settings", () => {
  it("refuse what they do not know, with its place", () => {
    const read = oneGateSettingsSchema.safeParse({ permissions: { vm: { shwo: true } } });
    expect(read.error?.issues[0]?.path).toEqual(["permissions", "vm"]);
    expect(oneGateSettingsSchema.safeParse({ sslServer: "ftp://x" }).success).toBe(false);
    expect(oneGateSettingsSchema.safeParse({ maxBodyBytes: 0 }).success).toBe(false);
  });
});
