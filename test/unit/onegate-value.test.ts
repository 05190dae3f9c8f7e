import { beforeEach, describe, expect, it } from "vitest";
import { FakeCloud } from "../support/fake-cloud.ts";
import { type Gate, openGate } from "../support/onegate.ts";

let fake: FakeCloud;
let gate: Gate;

beforeEach(() => {
  fake = new FakeCloud();
  fake.addService(1, { frontend: [7], worker: [8, 9] });
  const nics = [
    { NAME: "NIC0", IP: "10.0.0.5" },
    { NAME: "NIC1", IP: "10.0.1.5" },
  ];
  fake.vms.set(7, {
    ...fake.vm(7),
    template: { ...fake.vm(7).template, NIC: nics },
    userTemplate: {
      SERVICE_ID: "1",
      ROLE_NAME: "frontend",
      READY: "YES",
      EMPTY: "",
      V: { A: "x y" },
      L: ["a", "b"],
    },
  });
  gate = openGate(fake);
});

describe("one value of a document", () => {
  it.each([
    ["/vm/NAME", "vm7"],
    ["/vm/ID", "7"],
    ["/vm/USER_TEMPLATE/READY", "YES"],
    ["/vm/USER_TEMPLATE/V/A", "x y"],
    ["/vm/USER_TEMPLATE/L/1", "b"],
    ["/vm/TEMPLATE/NIC/1/IP", "10.0.1.5"],
    ["/vm/TEMPLATE/NIC/NIC0/IP", "10.0.0.5"],
    ["/vm/%55SER_TEMPLATE/READY", "YES"],
    ["//vm//NAME", "vm7"],
    ["/vms/8/ID", "8"],
    ["/service/name", "service1"],
    ["/service/roles/worker/nodes/1/deploy_id", "9"],
    ["/service/roles/0/name", "frontend"],
    ["/service/roles/worker/nodes/0/running", ""],
  ])("%s is %j, as plain text", async (path, value) => {
    const { status, body, headers } = await gate.askAs(7, path);
    expect([status, body, headers.get("content-type")]).toEqual([200, value, "text/plain;charset=utf-8"]);
    expect(headers.get("etag")).toMatch(/^"[\w-]{20}"$/);
  });

  it("gives what holds more as JSON", async () => {
    const vector = await gate.askAs(7, "/vm/USER_TEMPLATE/V");
    expect([vector.body, vector.headers.get("content-type")]).toEqual([
      '{"A":"x y"}',
      "application/json;charset=utf-8",
    ]);
    expect(JSON.parse((await gate.askAs(7, "/vm/TEMPLATE/NIC")).body)).toHaveLength(2);
  });

  it.each([
    [
      "/vm/FOO",
      "There is no FOO in the document; it holds NAME, ID, STATE, LCM_STATE, USER_TEMPLATE, TEMPLATE.",
    ],
    ["/vm/TEMPLATE/NIC/2", "There is no 2 in TEMPLATE/NIC; it holds the elements 0 to 1."],
    ["/vm/NAME/x", "There is no x in NAME; it holds a single value."],
    ["/vm/USER_TEMPLATE/V/a", "There is no a in USER_TEMPLATE/V; it holds A."],
    ["/vm/TEMPLATE/NIC_ALIAS/0", "There is no 0 in TEMPLATE/NIC_ALIAS; it holds nothing."],
  ])("says of %s what is not there", async (path, sentence) => {
    expect(await gate.askAs(7, path)).toMatchObject({ status: 404, body: sentence });
  });

  it.each([
    "__proto__",
    "constructor",
    "USER_TEMPLATE/__proto__/polluted",
    "USER_TEMPLATE/constructor/name",
    "TEMPLATE/NIC/length",
    "TEMPLATE/NIC/-1",
    "TEMPLATE/NIC/00",
    "TEMPLATE/NIC/at",
    "NAME/length",
    "..%2f..%2fvms%2f3",
    "%2e%2e%2fservice",
    "USER_TEMPLATE%2FREADY",
    "USER_TEMPLATE/READY%00",
    "toString",
  ])("finds nothing behind the trick %s", async (path) => {
    expect((await gate.askAs(7, `/vm/${path}`)).status).toBe(404);
  });

  it("refuses encoding that is none, and paths without an end", async () => {
    expect((await gate.askAs(7, "/vm/%ff")).status).toBe(400);
    expect((await gate.askAs(7, `/vm/${"a/".repeat(20)}b`)).status).toBe(400);
    expect((await gate.askAs(7, "/vm/")).status).toBe(400);
  });

  it("is closed where its document is closed", async () => {
    fake.addVm(20);
    expect((await gate.askAs(20, "/vms/7/NAME")).status).toBe(400);
    expect((await gate.ask("/vm/NAME")).status).toBe(401);
    const closed = openGate(fake, { settings: { permissions: { vm: { show: false } } } });
    expect((await closed.askAs(7, "/vm/NAME")).status).toBe(403);
  });

  it("is told again only when it has changed", async () => {
    const { headers } = await gate.askAs(7, "/vm/USER_TEMPLATE/READY");
    const etag = headers.get("etag") ?? "";
    fake.vms.set(7, { ...fake.vm(7), name: "renamed" });
    const same = await gate.askAs(7, "/vm/USER_TEMPLATE/READY", { headers: { "If-None-Match": etag } });
    expect([same.status, same.body]).toEqual([304, ""]);
    fake.vms.set(7, { ...fake.vm(7), userTemplate: { SERVICE_ID: "1", READY: "NO" } });
    const changed = await gate.askAs(7, "/vm/USER_TEMPLATE/READY", { headers: { "If-None-Match": etag } });
    expect([changed.status, changed.body]).toEqual([200, "NO"]);
  });
});
