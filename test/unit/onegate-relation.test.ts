import { beforeEach, describe, expect, it } from "vitest";
import { BOB, FakeCloud } from "../support/fake-cloud.ts";
import { type Answer, type Gate, openGate } from "../support/onegate.ts";

const FIRST_SERVICE = [10, 11, 12];
const SECOND_SERVICE = [20, 21];
const ROUTER = [30, 31];
const LONERS = [40, 41];
const EVERYONE = [...FIRST_SERVICE, ...SECOND_SERVICE, ...ROUTER, ...LONERS];

const ALONE =
  "This VM does not belong to any Virtual Router or Service, so it cannot retrieve information from other VMs";

// Guests must see no difference between a cloud that answers from memory and one that has to be asked.
describe.each([true, false])("with answersFromMemory=%s", (answersFromMemory) => {
  let fake: FakeCloud;
  let gate: Gate;

  beforeEach(() => {
    fake = new FakeCloud({ answersFromMemory });
    fake.addService(1, { master: [10], worker: [11, 12] });
    fake.addService(2, { only: SECOND_SERVICE });
    fake.addRouter(3, ROUTER);
    for (const id of LONERS) fake.addVm(id);
    for (const id of EVERYONE) {
      const vm = fake.vm(id);
      fake.vms.set(id, { ...vm, userTemplate: { ...vm.userTemplate, MARK: "1" } });
    }
    gate = openGate(fake);
  });

  const WAYS: Readonly<Record<string, (from: number, to: number) => Promise<Answer>>> = {
    "GET /vms": (from, to) => gate.askAs(from, `/vms/${to}`),
    "PUT /vms": (from, to) => gate.askAs(from, `/vms/${to}`, { method: "PUT", body: "NEW=1" }),
    erase: (from, to) => gate.askAs(from, `/vms/${to}?type=2`, { method: "PUT", body: "MARK" }),
    action: (from, to) =>
      gate.askAs(from, `/vms/${to}/action`, { method: "POST", body: '{"action":{"perform":"suspend"}}' }),
  };

  describe("whom a guest may address", () => {
    it.each(Object.keys(WAYS))(
      "with %s is itself and the VMs of its own service or router, of all pairs",
      async (way) => {
        const groups = [FIRST_SERVICE, SECOND_SERVICE, ROUTER];
        for (const from of EVERYONE) {
          for (const to of EVERYONE) {
            const allowed = from === to || groups.some((group) => group.includes(from) && group.includes(to));
            const before = fake.vm(to);
            const calls = fake.calls.length;
            const answer = await WAYS[way]?.(from, to);
            const text = `${way} ${from} -> ${to}`;
            expect([text, (answer?.status ?? 500) < 300]).toEqual([text, allowed]);
            if (!allowed) {
              expect([text, answer?.status]).toEqual([text, 400]);
              expect(fake.vm(to)).toBe(before);
              expect(fake.calls).toHaveLength(calls);
            }
            fake.vms.set(to, { ...fake.vm(to), userTemplate: before.userTemplate });
          }
        }
      },
    );

    it("is told in the recorded words", async () => {
      expect(await gate.askAs(10, "/vms/20")).toMatchObject({
        status: 400,
        body: "Service 1 does not contain VM 20.",
      });
      expect(await gate.askAs(30, "/vms/10")).toMatchObject({
        status: 400,
        body: "Virtual Router 3 does not contain VM 10.",
      });
      expect(await gate.askAs(40, "/vms/41")).toMatchObject({ status: 400, body: ALONE });
      expect(await gate.askAs(10, "/vms/999")).toMatchObject({
        status: 400,
        body: "Service 1 does not contain VM 999.",
      });
    });

    it.each(["abc", "11x", "011", "%20", "1.0", "99999999999999999999", "-0", "--11", "-011"])(
      "is never guessed from the id %s",
      async (id) => {
        for (const ask of [
          gate.askAs(10, `/vms/${id}`),
          gate.askAs(10, `/vms/${id}`, { method: "PUT", body: "A=1" }),
          gate.askAs(10, `/vms/${id}/action`, { method: "POST", body: '{"action":{"perform":"stop"}}' }),
        ]) {
          const answer = await ask;
          expect(answer.status).toBe(400);
          expect(answer.body).toMatch(/^Invalid id format \(ID: .*\)\. ID must be an integer\.$/);
        }
      },
    );
  });

  describe("a service", () => {
    it("that does not hold the asking VM opens nothing, though the VM claims it", async () => {
      fake.vms.set(40, { ...fake.vm(40), userTemplate: { SERVICE_ID: "1" } });
      const refused = { status: 400, body: "Service 1 does not contain VM 40." };
      expect(await gate.askAs(40, "/vms/10")).toMatchObject(refused);
      expect(await gate.askAs(40, "/service")).toMatchObject(refused);
    });

    it.each(["", "abc", "1x", "01", "-1", "1.5"])("is refused when its id is %j", async (id) => {
      fake.vms.set(40, { ...fake.vm(40), userTemplate: { SERVICE_ID: id } });
      const refused = { status: 400, body: "Empty or invalid SERVICE_ID" };
      expect(await gate.askAs(40, "/vms/10")).toMatchObject(refused);
      expect(await gate.askAs(40, "/service")).toMatchObject(refused);
      expect((await gate.askAs(40, "/vms/40")).status).toBe(200);
    });

    it("that is gone, of another type or not the owner's to see is not found", async () => {
      const missing = { status: 404, body: "Service 1 not found" };
      const service = fake.documents.get(1);
      if (service === undefined) throw new Error("no service");
      fake.documents.set(1, { ...service, type: 101 });
      expect(await gate.askAs(10, "/vms/11")).toMatchObject(missing);
      fake.documents.set(1, { ...service, uid: BOB.uid });
      expect(await gate.askAs(10, "/vms/11")).toMatchObject(missing);
      fake.documents.delete(1);
      expect(await gate.askAs(10, "/vms/11")).toMatchObject(missing);
    });

    it.each([undefined, {}, { state: 2, roles: null }, { state: 2, roles: [] }, { state: "x", roles: [] }])(
      "without roles is empty: %j",
      async (body) => {
        const service = fake.documents.get(1);
        if (service !== undefined) fake.documents.set(1, { ...service, body });
        expect(await gate.askAs(10, "/vms/11")).toMatchObject({ status: 400, body: "Service 1 is empty." });
      },
    );

    it("comes before a router for a VM that has both", async () => {
      fake.vms.set(30, { ...fake.vm(30), userTemplate: { SERVICE_ID: "2" } });
      fake.addService(2, { only: [30] });
      fake.vms.set(30, { ...fake.vm(30), template: { CREATED_BY: "2", VROUTER_ID: "3" } });
      expect(await gate.askAs(30, "/vms/31")).toMatchObject({
        status: 400,
        body: "Service 2 does not contain VM 31.",
      });
    });
  });

  describe("a router", () => {
    it("that is empty, gone or unnamed is told apart", async () => {
      const router = fake.routers.get(3);
      if (router === undefined) throw new Error("no router");
      fake.routers.set(3, { ...router, vmIds: [] });
      expect(await gate.askAs(30, "/vms/31")).toMatchObject({
        status: 400,
        body: "Virtual router 3 is empty.",
      });
      fake.routers.set(3, { ...router, vmIds: [31] });
      expect(await gate.askAs(30, "/vms/31")).toMatchObject({
        status: 400,
        body: "Virtual Router 3 does not contain VM 30.",
      });
      fake.routers.delete(3);
      expect(await gate.askAs(30, "/vms/31")).toMatchObject({
        status: 404,
        body: "Virtual router 3 not found",
      });
      fake.vms.set(30, { ...fake.vm(30), template: { CREATED_BY: "2", VROUTER_ID: "" } });
      expect(await gate.askAs(30, "/vms/31")).toMatchObject({
        status: 400,
        body: "Empty or invalid VROUTER_ID",
      });
    });
  });

  describe("a VM of the service that its owner may not see", () => {
    it("is not found, in the core's words", async () => {
      fake.vms.set(11, { ...fake.vm(11), uid: BOB.uid });
      const body = "[one.vm.info] User [2] : Not authorized to perform USE VM [11].";
      expect(await gate.askAs(10, "/vms/11")).toMatchObject({ status: 404, body });
      expect(await gate.askAs(10, "/vms/11", { method: "PUT", body: "A=1" })).toMatchObject({
        status: 404,
        body,
      });
      expect(fake.vm(11).userTemplate).not.toHaveProperty("A");
    });
  });
});
