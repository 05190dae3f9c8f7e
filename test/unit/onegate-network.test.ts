import { beforeEach, describe, expect, it } from "vitest";
import { BOB, FakeCloud } from "../support/fake-cloud.ts";
import { type Gate, openGate } from "../support/onegate.ts";

/** Networks: 0 is the router's own; 1 its parent; 2 reserved from 0; 3 reserved from 1; 4 a stranger; 5 reserved from 4. */
let fake: FakeCloud;
let gate: Gate;

beforeEach(() => {
  fake = new FakeCloud();
  fake.addRouter(0, [1, 2], { NIC: { NETWORK_ID: "0", NETWORK: "net0" }, TEMPLATE_ID: "9" });
  fake.addNetwork(0, { parentId: 1, template: { GATEWAY: "10.0.0.254", DNS: "1.1.1.1", SECRET: "x" } }, [
    { index: 0, holder: { kind: "vm", id: 1 } },
    { index: 1, holder: { kind: "router", id: 0 } },
    { index: 2, holder: { kind: "network", id: 2 } },
    { index: 3, holder: { kind: "vm", id: 8 } },
    { index: 4, holder: { kind: "vm", id: 9 } },
  ]);
  fake.addNetwork(1);
  fake.addNetwork(2, { parentId: 0 });
  fake.addNetwork(3, { parentId: 1 });
  fake.addNetwork(4);
  fake.addNetwork(5, { parentId: 4 });
  fake.addVm(7);
  fake.addVm(9, { uid: BOB.uid });
  fake.addVm(8, {
    userTemplate: { ONEGATE_LB0_IP: "10.0.0.1", OTHER: "x" },
    template: {
      CONTEXT: { BACKEND: "yes" },
      NIC: { NAME: "NIC0", NETWORK_ID: "4", MAC: "02:00:0a:00:04:01" },
      NIC_ALIAS: { NAME: "a0", NETWORK_ID: "0", MAC: "02:00:0a:00:00:04", PARENT: "NIC0", EXTERNAL: "YES" },
    },
  });
  fake.vms.set(1, {
    ...fake.vm(1),
    template: { ...fake.vm(1).template, NIC: { NAME: "eth0", NETWORK_ID: "0", MAC: "02:00:0a:00:00:01" } },
  });
  gate = openGate(fake);
});

async function network(path: string) {
  const answer = await gate.askAs(1, path);
  expect([answer.status, answer.body]).toEqual([200, expect.any(String)]);
  return JSON.parse(answer.body).VNET;
}

describe("GET /vrouter", () => {
  it("shows NIC as an array, VMS.ID as numbers, and the whole template", async () => {
    const answer = await gate.askAs(1, "/vrouter?extended=true");
    expect(JSON.parse(answer.body)).toEqual({
      VROUTER: {
        NAME: "router0",
        ID: "0",
        VMS: { ID: [1, 2] },
        TEMPLATE: { NIC: [{ NETWORK_ID: "0", NETWORK: "net0" }], TEMPLATE_ID: "9" },
      },
    });
  });

  it("needs a router", async () => {
    expect(await gate.askAs(7, "/vrouter")).toMatchObject({
      status: 400,
      body: "Empty or invalid VROUTER_ID",
    });
  });
});

describe("GET /vnet", () => {
  it("shows ranges and leases as arrays, and only the configured part of the template", async () => {
    expect(await network("/vnet/0")).toEqual({
      ID: "0",
      NAME: "net0",
      USED_LEASES: "5",
      VROUTERS: { ID: ["0"] },
      PARENT_NETWORK_ID: "1",
      AR_POOL: {
        AR: [
          {
            AR_ID: "0",
            TYPE: "IP4",
            IP: "10.0.0.1",
            MAC: "02:00:0a:00:00:01",
            SIZE: "10",
            NEXT_INDEX: "0",
            MAC_END: "02:00:0a:00:00:0a",
            IP_END: "10.0.0.10",
            USED_LEASES: "5",
            LEASES: {
              LEASE: [
                { IP: "10.0.0.1", MAC: "02:00:0a:00:00:01", VM: "1" },
                { IP: "10.0.0.2", MAC: "02:00:0a:00:00:02", VROUTER: "0" },
                { IP: "10.0.0.3", MAC: "02:00:0a:00:00:03", VNET: "2" },
                { IP: "10.0.0.4", MAC: "02:00:0a:00:00:04", VM: "8" },
                { IP: "10.0.0.5", MAC: "02:00:0a:00:00:05", VM: "9" },
              ],
            },
          },
        ],
      },
      TEMPLATE: { GATEWAY: "10.0.0.254", DNS: "1.1.1.1" },
    });
    const { PARENT_NETWORK_ID, AR_POOL } = await network("/vnet/1");
    expect(PARENT_NETWORK_ID).toEqual({});
    expect(AR_POOL.AR[0].LEASES).toEqual({ LEASE: [] });
  });

  it.each(["true", "TRUE", "True"])("tells with extended=%s how VMs use their leases", async (value) => {
    const { LEASE } = (await network(`/vnet/0?extended=${value}`)).AR_POOL.AR[0].LEASES;
    expect(LEASE).toEqual([
      { IP: "10.0.0.1", MAC: "02:00:0a:00:00:01", VM: "1", NIC_NAME: "eth0" },
      { IP: "10.0.0.2", MAC: "02:00:0a:00:00:02", VROUTER: "0" },
      { IP: "10.0.0.3", MAC: "02:00:0a:00:00:03", VNET: "2" },
      {
        IP: "10.0.0.4",
        MAC: "02:00:0a:00:00:04",
        VM: "8",
        PARENT: "NIC0",
        PARENT_NETWORK_ID: "4",
        EXTERNAL: true,
        NIC_NAME: "a0",
        BACKEND: "YES",
        ONEGATE_LB0_IP: "10.0.0.1",
      },
      { IP: "10.0.0.5", MAC: "02:00:0a:00:00:05", VM: "9" },
    ]);
  });

  it.each(["false", "", "1"])("is not extended by extended=%s", async (value) => {
    expect((await network(`/vnet/0?extended=${value}`)).AR_POOL.AR[0].LEASES.LEASE[0]).not.toHaveProperty(
      "NIC_NAME",
    );
  });

  it.each([0, 1, 2, 3])("shows network %i, which lies around the router", async (id) => {
    expect((await network(`/vnet/${id}`)).ID).toBe(String(id));
  });

  it.each([4, 5])("does not show network %i, which does not", async (id) => {
    const body = `Virtual Network ${id} cannot be retrieved from Virtual router 0.`;
    expect(await gate.askAs(1, `/vnet/${id}`)).toMatchObject({ status: 400, body });
  });

  it("follows no parent that the owner may not see", async () => {
    fake.addNetwork(1, { uid: BOB.uid });
    expect(await gate.askAs(1, "/vnet/1")).toMatchObject({
      status: 404,
      body: "Virtual network 1 not found",
    });
    expect((await gate.askAs(1, "/vnet/3")).status).toBe(200);
  });

  it.each([
    ["99", 404, "Virtual network 99 not found"],
    ["-1", 404, "Virtual network -1 not found"],
    ["abc", 400, "Invalid id format (ID: abc). ID must be an integer."],
    ["00", 400, "Invalid id format (ID: 00). ID must be an integer."],
  ])("refuses the id %s", async (id, status, body) => {
    expect(await gate.askAs(1, `/vnet/${id}`)).toMatchObject({ status, body });
  });

  it("is for routers alone", async () => {
    const body = "Virtual networks information can only be retrieved from Virtual Routers.";
    expect(await gate.askAs(7, "/vnet/0")).toMatchObject({ status: 400, body });
  });
});
