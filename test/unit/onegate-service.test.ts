import { beforeEach, describe, expect, it } from "vitest";
import { GatehouseError } from "../../shared/errors.ts";
import { BOB, FakeCloud } from "../support/fake-cloud.ts";
import { type Answer, type Gate, openGate } from "../support/onegate.ts";

// Guests must see no difference between a cloud that answers from memory and one that has to be asked.
describe.each([true, false])("with answersFromMemory=%s", (answersFromMemory) => {
  let fake: FakeCloud;
  let gate: Gate;

  beforeEach(() => {
    fake = new FakeCloud({ answersFromMemory });
    fake.addService(1, { master: [10], worker: [11, 12], spare: [] });
    gate = openGate(fake);
  });

  async function service(path = "/service") {
    const answer = await gate.askAs(10, path);
    expect(answer.status).toBe(200);
    return JSON.parse(answer.body).SERVICE;
  }

  const shortInfo = (id: number, name = `vm${id}`) => ({
    VM: { ID: String(id), UID: "2", GID: "1", UNAME: "alice", GNAME: "users", NAME: name },
  });

  describe("GET /service", () => {
    it("has the recorded shape: id a string, the other numbers numbers, running null, nodes always there", async () => {
      expect(await service()).toEqual({
        name: "service1",
        id: "1",
        state: 2,
        roles: [
          {
            name: "master",
            cardinality: 1,
            state: 2,
            nodes: [{ deploy_id: 10, running: null, vm_info: shortInfo(10) }],
          },
          {
            name: "worker",
            cardinality: 2,
            state: 2,
            nodes: [
              { deploy_id: 11, running: null, vm_info: shortInfo(11) },
              { deploy_id: 12, running: null, vm_info: shortInfo(12) },
            ],
          },
          { name: "spare", cardinality: 0, state: 2, nodes: [] },
        ],
      });
    });

    it("shows a VM's present name at once, and the service's", async () => {
      await service();
      fake.vms.set(11, { ...fake.vm(11), name: "renamed" });
      expect((await service()).roles[1].nodes[0].vm_info).toEqual(shortInfo(11, "renamed"));
      const document = fake.documents.get(1);
      if (document !== undefined) fake.documents.set(1, { ...document, name: "other" });
      expect((await service()).name).toBe("other");
    });

    it("shows null for a VM that is gone, or not the owner's to see", async () => {
      fake.vms.delete(11);
      fake.vms.set(12, { ...fake.vm(12), uid: BOB.uid });
      const nodes = [
        { deploy_id: 11, running: null, vm_info: null },
        { deploy_id: 12, running: null, vm_info: null },
      ];
      expect((await service()).roles[1].nodes).toEqual(nodes);
      expect((await service("/service?extended=true")).roles[1].nodes).toEqual(nodes);
    });

    it.each(["extended=true", "extended=false", "extended=", "extended"])(
      "is extended by %s",
      async (query) => {
        const [node] = (await service(`/service?${query}`)).roles[0].nodes;
        expect(node.vm_info.VM).toMatchObject({ ID: "10", STATE: "3", USER_TEMPLATE: { SERVICE_ID: "1" } });
        expect((await service()).roles[0].nodes[0].vm_info).toEqual(shortInfo(10));
      },
    );

    it("reads numbers that older documents hold as text", async () => {
      const document = fake.documents.get(1);
      const roles = [
        { name: "old", cardinality: "1", state: "2", nodes: [{ deploy_id: "10" }] },
        { name: "none", cardinality: 0, state: 2 },
      ];
      if (document !== undefined) fake.documents.set(1, { ...document, body: { state: "2", roles } });
      expect(await service()).toMatchObject({
        state: 2,
        roles: [{ cardinality: 1, nodes: [{ deploy_id: 10 }] }, { nodes: [] }],
      });
    });

    it("needs a service", async () => {
      fake.addVm(40);
      expect(await gate.askAs(40, "/service")).toMatchObject({
        status: 400,
        body: "Empty or invalid SERVICE_ID",
      });
    });
  });

  describe("PUT /service/role", () => {
    const asked: unknown[] = [];
    const scaler = {
      scale: async (...args: readonly unknown[]) => {
        if (args[2] === "closed")
          throw new GatehouseError("wrong_state", "Service cannot be scaled in state: COOLDOWN");
        asked.push(args);
      },
    };
    const scale = (role: string, body: string, vmId = 10): Promise<Answer> =>
      openGate(fake, { scaler }).askAs(vmId, `/service/role/${role}`, { method: "PUT", body });

    beforeEach(() => {
      asked.length = 0;
    });

    it.each(['{"cardinality":3}', '{"cardinality":"3"}'])(
      "scales the guest's own service as its owner: %s",
      async (body) => {
        expect(await scale("wor%20ker", body)).toMatchObject({ status: 200, body: "" });
        expect(asked).toEqual([[expect.objectContaining({ uid: 2 }), 1, "wor ker", 3]]);
      },
    );

    it.each([
      ["closed", '{"cardinality":3}'],
      ["worker", "{}"],
      ["worker", '{"cardinality":-1}'],
      ["worker", '{"cardinality":1.5}'],
      ["worker", '{"cardinality":"many"}'],
      ["worker", "[]"],
    ])("tells only that it failed, as recorded: %s %s", async (role, body) => {
      const text = `Error performing action on service 1 role ${role}`;
      expect(await scale(role, body)).toMatchObject({ status: 400, body: text });
      expect(asked).toEqual([]);
    });

    it("refuses what is no JSON, strangers, and everyone while OneFlow is off", async () => {
      expect(await scale("worker", "zz")).toMatchObject({ status: 400, body: "unexpected token at 'zz'" });
      fake.addVm(40);
      expect(await scale("worker", '{"cardinality":3}', 40)).toMatchObject({
        status: 400,
        body: "Empty or invalid SERVICE_ID",
      });
      const off = await gate.askAs(10, "/service/role/worker", { method: "PUT", body: '{"cardinality":3}' });
      expect(off).toMatchObject({ status: 503, body: "Scaling needs OneFlow, which is not enabled." });
    });
  });
});
