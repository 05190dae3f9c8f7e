import { beforeEach, describe, expect, it } from "vitest";
import { ALICE, BOB, FakeCloud } from "../support/fake-cloud.ts";
import { type Gate, guestHeaders, openGate, tokenOf } from "../support/onegate.ts";

const NOT_AUTHORIZED = { status: 401, body: "Not authorized" };

// Guests must see no difference between a cloud that answers from memory and one that has to be asked.
describe.each([true, false])("with answersFromMemory=%s", (answersFromMemory) => {
  let fake: FakeCloud;
  let gate: Gate;

  beforeEach(() => {
    fake = new FakeCloud({ answersFromMemory });
    fake.addVm(0);
    fake.addVm(7);
    gate = openGate(fake);
  });

  describe("a guest's identity", () => {
    it("is the VM whose token it shows", async () => {
      const answer = await gate.askAs(7, "/vm");
      expect(answer.status).toBe(200);
      expect(JSON.parse(answer.body).VM.ID).toBe("7");
    });

    it("never becomes VM 0 when the VMID header is missing", async () => {
      expect(await gate.ask("/vm", { headers: { "X-ONEGATE-TOKEN": tokenOf(fake, 7) } })).toMatchObject(
        NOT_AUTHORIZED,
      );
    });

    it.each(["/vms/7", "/vm?id=7", "/service?id=7"])(
      "comes from the id of %s when the header is missing",
      async (path) => {
        const right = await gate.ask(path, { headers: { "X-ONEGATE-TOKEN": tokenOf(fake, 7) } });
        expect(right.status).not.toBe(401);
        const wrong = await gate.ask(path, { headers: { "X-ONEGATE-TOKEN": tokenOf(fake, 0) } });
        expect(wrong).toMatchObject(NOT_AUTHORIZED);
      },
    );

    it("comes from a form's id when nothing else tells it, and then is the identity", async () => {
      const headers = {
        "X-ONEGATE-TOKEN": tokenOf(fake, 7),
        "Content-Type": "application/x-www-form-urlencoded",
      };
      const answer = await gate.ask("/vm", { method: "PUT", headers, body: "id=7&data=A%3D1&type=1" });
      expect(answer.status).toBe(200);
      expect(fake.vm(7).userTemplate).toEqual({ A: "1" });
      expect(fake.vm(0).userTemplate).toEqual({});
    });

    it("is not the network of /vnet/7", async () => {
      expect(await gate.ask("/vnet/7", { headers: { "X-ONEGATE-TOKEN": tokenOf(fake, 7) } })).toMatchObject(
        NOT_AUTHORIZED,
      );
    });

    it.each(["", "07", "7x", "+7", "7.0", "0x7", "-7", "7, 7", "９", "99999999999999999999", "99"])(
      "is nobody for the VMID %j",
      async (vmId) => {
        const headers = { "X-ONEGATE-TOKEN": tokenOf(fake, 7), "X-ONEGATE-VMID": encodeURI(vmId) };
        expect(await gate.ask("/vm", { headers })).toMatchObject(NOT_AUTHORIZED);
      },
    );

    it("allows the blanks around a header that HTTP allows", async () => {
      const headers = { "X-ONEGATE-TOKEN": ` ${tokenOf(fake, 7)} `, "X-ONEGATE-VMID": " 7 " };
      expect((await gate.ask("/vm", { headers })).status).toBe(200);
    });
  });

  describe("a token", () => {
    it.each([
      ["missing", undefined],
      ["empty", ""],
      ["garbage", "zz"],
      ["of the same length", "eHh4eHh4eHh4eHh4eHh4eA=="],
    ])("that is %s proves nobody", async (_what, token) => {
      const headers = { "X-ONEGATE-VMID": "7", ...(token === undefined ? {} : { "X-ONEGATE-TOKEN": token }) };
      expect(await gate.ask("/vm", { headers })).toMatchObject(NOT_AUTHORIZED);
    });

    it("of another VM is refused", async () => {
      const headers = { ...guestHeaders(fake, 0), "X-ONEGATE-VMID": "7" };
      expect(await gate.ask("/vm", { headers })).toMatchObject(NOT_AUTHORIZED);
    });

    it("of a VM that is done is refused", async () => {
      fake.vms.set(7, { ...fake.vm(7), state: 6, lcmState: 0 });
      expect(await gate.askAs(7, "/vm")).toMatchObject(NOT_AUTHORIZED);
    });

    it("outlives a change of owner, since the creator's password made it, and then acts as the new owner", async () => {
      const headers = guestHeaders(fake, 7);
      fake.vms.set(7, { ...fake.vm(7), uid: BOB.uid, uname: BOB.name });
      expect((await gate.ask("/vm", { headers })).status).toBe(200);
      expect((await gate.ask("/vms/7", { method: "PUT", headers, body: "A=1" })).status).toBe(200);
    });

    it.each([
      ["changed", { TOKEN_PASSWORD: "f".repeat(64) }],
      ["removed", {}],
      ["shortened", { TOKEN_PASSWORD: "short" }],
    ])("stops with the creator's TOKEN_PASSWORD %s, also after it was accepted", async (_what, template) => {
      const headers = guestHeaders(fake, 7);
      expect((await gate.ask("/vm", { headers })).status).toBe(200);
      const alice = fake.users.get(ALICE.uid);
      if (alice !== undefined) fake.users.set(ALICE.uid, { ...alice, template });
      expect(await gate.ask("/vm", { headers })).toMatchObject(NOT_AUTHORIZED);
    });

    it("stops with its creator", async () => {
      const headers = guestHeaders(fake, 7);
      fake.users.delete(ALICE.uid);
      expect(await gate.ask("/vm", { headers })).toMatchObject(NOT_AUTHORIZED);
    });

    it.each([{}, { CREATED_BY: "x" }, { CREATED_BY: "" }])(
      "is refused when the creator is unknown: %j",
      async (template) => {
        const headers = guestHeaders(fake, 7);
        fake.vms.set(7, { ...fake.vm(7), template });
        expect(await gate.ask("/vm", { headers })).toMatchObject(NOT_AUTHORIZED);
      },
    );

    it("stops when the VM is born anew under the same id", async () => {
      const headers = guestHeaders(fake, 7);
      expect((await gate.ask("/vm", { headers })).status).toBe(200);
      fake.vms.set(7, { ...fake.vm(7), stime: 1_900_000_000 });
      expect(await gate.ask("/vm", { headers })).toMatchObject(NOT_AUTHORIZED);
    });
  });

  describe("permissions", () => {
    it.each([
      ["GET", "/vm", "vm", "show"],
      ["PUT", "/vm", "vm", "update"],
      ["GET", "/vms/7", "vm", "show_by_id"],
      ["PUT", "/vms/7", "vm", "update_by_id"],
      ["POST", "/vms/7/action", "vm", "action_by_id"],
      ["GET", "/service", "service", "show"],
      ["PUT", "/service/role/worker", "service", "change_cardinality"],
      ["GET", "/vrouter", "vrouter", "show"],
      ["GET", "/vnet/0", "vnet", "show_by_id"],
    ])("close %s %s before anyone is asked who they are", async (method, path, resource, action) => {
      const closed = openGate(fake, { settings: { permissions: { [resource]: { [action]: false } } } });
      const body = `Action (${action}) on resource (${resource}) not supported`;
      expect(await closed.ask(path, { method })).toMatchObject({ status: 403, body });
      expect(await gate.ask(path, { method })).toMatchObject(NOT_AUTHORIZED);
    });

    it("leave the root open to guests", async () => {
      expect((await gate.askAs(7, "/")).status).toBe(200);
      expect(await gate.ask("/")).toMatchObject(NOT_AUTHORIZED);
    });
  });
});
