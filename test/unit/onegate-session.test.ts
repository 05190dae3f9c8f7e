import { beforeEach, describe, expect, it } from "vitest";
import type { RequestSeen } from "../../gateway/onegate/sight/observer.ts";
import { ALICE, BOB, FakeCloud } from "../support/fake-cloud.ts";
import { tokenOf } from "../support/onegate.ts";
import { openTrustedGate, type TrustedGate } from "../support/trusted-gate.ts";

const NOT_AUTHORIZED = { status: 401, body: "Not authorized" };

// A cloud that has to be asked takes the way of unknown tokens each time.
describe.each([true, false])("with answersFromMemory=%s", (answersFromMemory) => {
  let gate: TrustedGate;
  let fake: FakeCloud;

  beforeEach(async () => {
    fake = new FakeCloud({ answersFromMemory });
    fake.addService(5, { web: [0, 7] });
    gate = await openTrustedGate({ fake });
  });

  describe("POST /token", () => {
    it("gives a token of the configured lifetime for an empty body, and forbids to keep the answer", async () => {
      const { status, body, headers } = await gate.trade(7);
      expect(status).toBe(200);
      expect(headers.get("cache-control")).toBe("no-store");
      expect(JSON.parse(body)).toEqual({
        token: expect.stringMatching(/^[\w-]+\.\.[\w-]+\.[\w-]+\.[\w-]+$/),
        token_type: "session",
        expires_in: 3_600,
        expires_at: new Date(gate.clock.now() + 3_600_000).toISOString(),
        scope: expect.stringContaining("self:write"),
      });
    });

    it.each([1, 60, 21_600])("gives one of %d s when that is asked for", async (lifetime) => {
      const { body } = await gate.trade(7, { lifetime_seconds: lifetime });
      expect(JSON.parse(body)).toMatchObject({ expires_in: lifetime });
    });

    it.each([
      [{ lifetime_seconds: 0 }],
      [{ lifetime_seconds: 21_601 }],
      [{ lifetime_seconds: 1.5 }],
      [{ lifetime_seconds: "60" }],
      [{ lifetime: 60 }],
      [{ scope: ["self:read"] }],
      [[]],
    ])("refuses the wish %j", async (wanted) => {
      expect(await gate.trade(7, wanted)).toMatchObject({
        status: 400,
        body: expect.stringContaining("1 to 21600"),
      });
    });

    it("gives none to a session token", async () => {
      const token = await gate.session(7);
      expect(await gate.askWith(token, "/token", { method: "POST" })).toMatchObject({ status: 403 });
    });

    it.each(["X-Forwarded-For", "Forwarded"])(
      "gives none through a proxy (%s), unless one is trusted",
      async (name) => {
        const ask = { headers: { [name]: "for=10.0.0.1" } };
        expect(await gate.trade(7, undefined, ask)).toMatchObject({
          status: 403,
          body: expect.stringContaining(name),
        });
        const behindProxy = await openTrustedGate({ fake, settings: { trustedProxies: ["10.9.9.9"] } });
        expect(await behindProxy.trade(7, undefined, ask)).toMatchObject({ status: 200 });
      },
    );

    it("gives none where sessions are off, and takes none there", async () => {
      const token = await gate.session(7);
      const off = await openTrustedGate({
        fake,
        store: gate.store,
        clock: gate.clock,
        settings: { sessions: { enabled: false } },
      });
      expect(await off.trade(7)).toMatchObject({ status: 403 });
      expect(await off.askWith(token)).toMatchObject(NOT_AUTHORIZED);
    });

    it("is told to the audit with lifetime and scope, and never with the token", async () => {
      const notes: unknown[] = [];
      const observer = { seen: ({ note }: RequestSeen) => void notes.push(note), waiting: () => undefined };
      const watched = await openTrustedGate({ fake, observer });
      const token = await watched.session(7, { lifetime_seconds: 60, scope: "self:read identity" });
      await watched.askWith(token, "/identity?audience=vault&lifetime=30");
      expect(notes).toEqual([
        { what: "token", details: ["lifetime 60", "scope self:read identity"] },
        { what: "identity", details: ["audience vault", "lifetime 30"] },
      ]);
    });

    it("gives none to nobody", async () => {
      expect(await gate.ask("/token", { method: "POST" })).toMatchObject(NOT_AUTHORIZED);
    });
  });

  describe("a session token", () => {
    it("stands for its VM with and without a VMID header, and on a route that names another", async () => {
      const token = await gate.session(7);
      for (const headers of [{}, { "X-ONEGATE-VMID": "7" }, { "X-ONEGATE-VMID": " 7 " }]) {
        const { status, body } = await gate.askWith(token, "/vm", { headers });
        expect({ status, id: JSON.parse(body).VM.ID }).toEqual({ status: 200, id: "7" });
      }
      expect(JSON.parse((await gate.askWith(token, "/vms/0?id=0")).body).VM.ID).toBe("0");
      await gate.askWith(token, "/vm?id=0", { method: "PUT", body: "A=1" });
      expect(fake.vm(7).userTemplate).toMatchObject({ A: "1" });
    });

    it.each(["0", "8", "", "x", "7, 7"])("is refused beside the VMID header %j", async (vmId) => {
      const token = await gate.session(7);
      expect(await gate.askWith(token, "/vm", { headers: { "X-ONEGATE-VMID": vmId } })).toMatchObject(
        NOT_AUTHORIZED,
      );
    });

    it("lives exactly as long as it says", async () => {
      const token = await gate.session(7, { lifetime_seconds: 2 });
      gate.clock.advance(1_999);
      expect((await gate.askWith(token)).status).toBe(200);
      gate.clock.advance(1);
      expect(await gate.askWith(token)).toMatchObject(NOT_AUTHORIZED);
    });

    it("lives as long in a house that has forgotten it", async () => {
      const token = await gate.session(7, { lifetime_seconds: 2 });
      const restarted = await openTrustedGate({ fake, store: gate.store, clock: gate.clock });
      gate.clock.advance(1_999);
      expect((await restarted.askWith(token)).status).toBe(200);
      gate.clock.advance(1);
      const again = await openTrustedGate({ fake, store: gate.store, clock: gate.clock });
      for (const house of [restarted, again])
        expect(await house.askWith(token)).toMatchObject(NOT_AUTHORIZED);
    });

    it("does not live again when the clock is set back", async () => {
      const token = await gate.session(7, { lifetime_seconds: 60 });
      const restarted = await openTrustedGate({ fake, store: gate.store, clock: gate.clock });
      gate.clock.advance(61_000);
      expect(await restarted.askWith(token)).toMatchObject(NOT_AUTHORIZED);
      gate.clock.jump(-50_000);
      // One saw it die, the other counted the seconds since it was made.
      for (const house of [gate, restarted]) expect(await house.askWith(token)).toMatchObject(NOT_AUTHORIZED);
    });

    it("that a clock far ahead has ended stays ended when the clock is set right", async () => {
      const token = await gate.session(7, { lifetime_seconds: 60 });
      const restarted = await openTrustedGate({ fake, store: gate.store, clock: gate.clock });
      gate.clock.jump(61_000);
      for (const house of [gate, restarted]) expect(await house.askWith(token)).toMatchObject(NOT_AUTHORIZED);
      gate.clock.jump(-61_000);
      for (const house of [gate, restarted]) expect(await house.askWith(token)).toMatchObject(NOT_AUTHORIZED);
    });

    it("from a time that has not come yet is refused by a house that does not know it", async () => {
      const token = await gate.session(7, { lifetime_seconds: 60 });
      gate.clock.jump(-61_000);
      expect((await gate.askWith(token)).status).toBe(200);
      const restarted = await openTrustedGate({ fake, store: gate.store, clock: gate.clock });
      expect(await restarted.askWith(token)).toMatchObject(NOT_AUTHORIZED);
    });

    it("ends with its VM", async () => {
      const token = await gate.session(7);
      fake.vms.set(7, { ...fake.vm(7), state: 6, lcmState: 0 });
      expect(await gate.askWith(token)).toMatchObject(NOT_AUTHORIZED);
      fake.vms.delete(7);
      expect(await gate.askWith(token)).toMatchObject(NOT_AUTHORIZED);
    });

    it("is not that of another VM under the same id", async () => {
      const token = await gate.session(7);
      fake.vms.set(7, { ...fake.vm(7), stime: 1_900_000_000 });
      expect(await gate.askWith(token)).toMatchObject(NOT_AUTHORIZED);
    });

    it("ends with the password of the classic token that it was traded for", async () => {
      const token = await gate.session(7);
      const alice = fake.users.get(ALICE.uid);
      if (alice !== undefined)
        fake.users.set(ALICE.uid, { ...alice, template: { TOKEN_PASSWORD: "f".repeat(64) } });
      expect(await gate.askWith(token)).toMatchObject(NOT_AUTHORIZED);
    });

    it("acts as the owner of the moment", async () => {
      const token = await gate.session(7);
      fake.vms.set(7, { ...fake.vm(7), uid: BOB.uid, uname: BOB.name });
      expect((await gate.askWith(token)).status).toBe(200);
    });

    it("outlives the daily change of keys, and the key goes with its last token", async () => {
      const first = await gate.session(7, { lifetime_seconds: 21_600 });
      gate.clock.advance(21_599_000);
      expect((await gate.askWith(first)).status).toBe(200);
      gate.clock.advance(86_400_000 - 21_599_000 - 1);
      const last = await gate.session(7, { lifetime_seconds: 21_600 });
      gate.clock.advance(1);
      await gate.session(7);
      expect(gate.vault.sessionKeys.list()).toHaveLength(2);
      gate.clock.advance(21_600_000 - 2);
      const restarted = await openTrustedGate({ fake, store: gate.store, clock: gate.clock });
      expect((await restarted.askWith(last)).status).toBe(200);
      gate.clock.advance(86_400_000);
      await gate.session(7);
      expect(gate.vault.sessionKeys.list()).toHaveLength(2);
    });

    it("is made with one new key, however many ask for it at once", async () => {
      const tokens = await Promise.all(Array.from({ length: 20 }, () => gate.session(7)));
      expect(new Set(tokens).size).toBe(20);
      expect(gate.vault.sessionKeys.list()).toHaveLength(1);
    });
  });

  describe("a scope", () => {
    it("narrows what a session token may do", async () => {
      const { body } = await gate.trade(7, { scope: "self:read" });
      const { token, scope } = JSON.parse(body);
      expect(scope).toBe("self:read");
      expect((await gate.askWith(token)).status).toBe(200);
      expect(await gate.askWith(token, "/vm", { method: "PUT", body: "A=1" })).toMatchObject({ status: 403 });
      expect(await gate.askWith(token, "/service")).toMatchObject({ status: 403 });
      expect(await gate.askWith(token, "/identity?audience=a")).toMatchObject({ status: 403 });
      const action = { method: "POST", body: JSON.stringify({ action: { perform: "resume" } }) };
      expect(await gate.askWith(token, "/vms/7/action", action)).toMatchObject({ status: 403 });
    });

    it("holds in a house that has forgotten the token", async () => {
      const token = await gate.session(7, { scope: "self:read action:resume" });
      const restarted = await openTrustedGate({ fake, store: gate.store, clock: gate.clock });
      expect(await restarted.askWith(token, "/vm", { method: "PUT", body: "A=1" })).toMatchObject({
        status: 403,
        body: expect.stringContaining("self:read action:resume"),
      });
    });

    it("cannot be wider than the VM's, and never becomes so", async () => {
      const narrow = { CONTEXT: { ONEGATE_SCOPE: "self:read" }, CREATED_BY: String(ALICE.uid) };
      const wide = await gate.session(0, { scope: "self:read self:write" });
      for (const id of [0, 7]) fake.vms.set(id, { ...fake.vm(id), template: narrow });
      expect(await gate.trade(7, { scope: "self:read self:write" })).toMatchObject({
        status: 403,
        body: expect.stringContaining("wider"),
      });
      expect(await gate.trade(7, { scope: "action:*" })).toMatchObject({ status: 403 });
      expect((await gate.trade(7, { scope: "self:read" })).status).toBe(200);
      expect(await gate.askWith(wide, "/vm", { method: "PUT", body: "A=1" })).toMatchObject({ status: 403 });
      expect((await gate.askWith(wide)).status).toBe(200);
    });

    it.each(["", " ", "self:reed", "self:read nonsense", "*", "__proto__", `self:read${" ".repeat(1_024)}`])(
      "that means nothing is refused: %j",
      async (scope) => {
        expect(await gate.trade(7, { scope })).toMatchObject({ status: 400 });
      },
    );
  });

  describe("a revocation", () => {
    it("ends the session tokens there are, of this VM alone, and not those made later", async () => {
      const [old, other] = [await gate.session(7), await gate.session(0)];
      await gate.commands.revoke(7, false);
      expect(await gate.askWith(old)).toMatchObject(NOT_AUTHORIZED);
      expect((await gate.askWith(other)).status).toBe(200);
      // In the very same millisecond.
      expect((await gate.askWith(await gate.session(7))).status).toBe(200);
      expect((await gate.askAs(7, "/vm")).status).toBe(200);
    });

    it("outlives the house, also when the clock was set back since", async () => {
      const old = await gate.session(7);
      await gate.commands.revoke(7, false);
      gate.clock.jump(-3_000);
      const restarted = await openTrustedGate({ fake, store: gate.store, clock: gate.clock });
      expect(await restarted.askWith(old)).toMatchObject(NOT_AUTHORIZED);
      expect((await restarted.askWith(await restarted.session(7))).status).toBe(200);
    });

    it("of all refuses the classic token until it is allowed, and revives no session token", async () => {
      const old = await gate.session(7);
      await gate.commands.revoke(7, true);
      expect(await gate.askAs(7, "/vm")).toMatchObject(NOT_AUTHORIZED);
      expect(await gate.trade(7)).toMatchObject(NOT_AUTHORIZED);
      expect((await gate.askAs(0, "/vm")).status).toBe(200);
      await gate.commands.revoke(7, false);
      expect(await gate.askAs(7, "/vm")).toMatchObject(NOT_AUTHORIZED);
      expect(await gate.commands.allow(7)).toBe(true);
      expect(await gate.commands.allow(7)).toBe(false);
      expect((await gate.askAs(7, "/vm")).status).toBe(200);
      expect(await gate.askWith(old)).toMatchObject(NOT_AUTHORIZED);
    });

    it("does not hit another VM under the same id, and goes with its VM", async () => {
      await gate.commands.revoke(7, true);
      fake.vms.set(7, { ...fake.vm(7), stime: 1_900_000_000 });
      expect((await gate.askAs(7, "/vm")).status).toBe(200);
      const token = await gate.session(7);
      await gate.commands.revoke(7, false);
      expect(await gate.askWith(token)).toMatchObject(NOT_AUTHORIZED);
      expect((await gate.askAs(7, "/vm")).status).toBe(200);
      fake.vms.set(7, { ...fake.vm(7), state: 6 });
      await gate.commands.revoke(0, false);
      expect(gate.commands.standing().revoked).toMatchObject([{ vm: 0, classic: false }]);
    });

    it("hits a token that is being made meanwhile", async () => {
      const making = gate.session(7);
      await gate.commands.revoke(7, false);
      const token = await making;
      const after = await gate.askWith(token);
      const generation = gate.vault.revocations.generationOf(fake.vm(7));
      expect({ generation, status: after.status }).toEqual({ generation: 1, status: 401 });
    });

    it("of a VM that is not there is told so", async () => {
      await expect(gate.commands.revoke(99, false)).rejects.toThrow("99");
      await expect(gate.commands.allow(99)).rejects.toThrow("99");
    });
  });

  describe("a rotation", () => {
    it("keeps old classic and session tokens until its grace ends, and takes the new ones", async () => {
      const [classic, session] = [tokenOf(fake, 7), await gate.session(7, { lifetime_seconds: 21_600 })];
      expect(await gate.commands.rotate("alice", 5_000)).toEqual({
        user: "alice",
        until: gate.clock.now() + 5_000,
      });
      expect(tokenOf(fake, 7)).not.toBe(classic);
      const withId = { headers: { "X-ONEGATE-VMID": "7" } };
      gate.clock.advance(4_999);
      for (const token of [classic, session, tokenOf(fake, 7)])
        expect((await gate.askWith(token, "/vm", withId)).status).toBe(200);
      gate.clock.advance(1);
      for (const token of [classic, session])
        expect(await gate.askWith(token, "/vm", withId)).toMatchObject(NOT_AUTHORIZED);
      expect((await gate.askAs(7, "/vm")).status).toBe(200);
    });

    it("lets a session token that was traded in the grace live no longer than it", async () => {
      const classic = tokenOf(fake, 7);
      await gate.commands.rotate("alice", 5_000);
      const headers = { "X-ONEGATE-TOKEN": classic, "X-ONEGATE-VMID": "7" };
      const { body } = await gate.ask("/token", { method: "POST", headers });
      const { token } = JSON.parse(body);
      expect((await gate.askWith(token)).status).toBe(200);
      gate.clock.advance(5_000);
      expect(await gate.askWith(token)).toMatchObject(NOT_AUTHORIZED);
    });

    it("without a grace ends every earlier token at once, those in an earlier grace among them", async () => {
      const [first, session] = [tokenOf(fake, 7), await gate.session(7)];
      await gate.commands.rotate("2", 86_400_000);
      const second = tokenOf(fake, 7);
      await gate.commands.rotate("2", 0);
      const withId = { headers: { "X-ONEGATE-VMID": "7" } };
      for (const token of [first, second, session])
        expect(await gate.askWith(token, "/vm", withId)).toMatchObject(NOT_AUTHORIZED);
      expect((await gate.askAs(7, "/vm")).status).toBe(200);
      expect(gate.commands.standing().grace).toEqual([]);
    });

    it("keeps several graces side by side, each to its own end", async () => {
      const first = tokenOf(fake, 7);
      await gate.commands.rotate("alice", 10_000);
      const second = tokenOf(fake, 7);
      await gate.commands.rotate("alice", 5_000);
      const statuses = async () =>
        Promise.all(
          [first, second].map(
            async (token) =>
              (await gate.askWith(token, "/vm", { headers: { "X-ONEGATE-VMID": "7" } })).status,
          ),
        );
      expect(await statuses()).toEqual([200, 200]);
      gate.clock.advance(5_000);
      expect(await statuses()).toEqual([200, 401]);
      gate.clock.advance(5_000);
      expect(await statuses()).toEqual([401, 401]);
    });

    it("keeps nothing for a password that somebody then sets by hand: that ends every token at once", async () => {
      const classic = tokenOf(fake, 7);
      await gate.commands.rotate("alice", 86_400_000);
      const alice = fake.users.get(ALICE.uid);
      if (alice !== undefined)
        fake.users.set(ALICE.uid, { ...alice, template: { TOKEN_PASSWORD: "f".repeat(64) } });
      const ask = { headers: { "X-ONEGATE-VMID": "7" } };
      expect(await gate.askWith(classic, "/vm", ask)).toMatchObject(NOT_AUTHORIZED);
    });

    it("does not lend one user's old password to another, be their current ones the same", async () => {
      const classic = tokenOf(fake, 7);
      await gate.commands.rotate("alice", 86_400_000);
      const [alice, bob] = [fake.users.get(ALICE.uid), fake.users.get(BOB.uid)];
      if (alice !== undefined && bob !== undefined)
        fake.users.set(BOB.uid, { ...bob, template: alice.template });
      fake.vms.set(7, { ...fake.vm(7), template: { CREATED_BY: String(BOB.uid) } });
      const ask = { headers: { "X-ONEGATE-VMID": "7" } };
      expect(await gate.askWith(classic, "/vm", ask)).toMatchObject(NOT_AUTHORIZED);
      expect((await gate.askAs(7, "/vm")).status).toBe(200);
    });

    it("gives a grace that has ended no second life, and its password leaves the store", async () => {
      const classic = tokenOf(fake, 7);
      await gate.commands.rotate("alice", 5_000);
      gate.clock.advance(5_000);
      gate.clock.jump(-5_000);
      const ask = { headers: { "X-ONEGATE-VMID": "7" } };
      expect(await gate.askWith(classic, "/vm", ask)).toMatchObject(NOT_AUTHORIZED);
      await gate.vault.passwords.forgetEnded();
      const rows: string[] = [];
      for await (const page of gate.store.load()) rows.push(...page.map(({ kind }) => kind));
      expect(rows).not.toContain("gate_previous_password");
    });

    it("of two at once keeps what each of them replaced", async () => {
      const first = tokenOf(fake, 7);
      await Promise.all([gate.commands.rotate("alice", 5_000), gate.commands.rotate("alice", 5_000)]);
      expect(gate.commands.standing().grace).toHaveLength(2);
      expect((await gate.askWith(first, "/vm", { headers: { "X-ONEGATE-VMID": "7" } })).status).toBe(200);
    });

    it("is refused once too many passwords are in grace, and of nobody", async () => {
      for (let count = 0; count < 16; count += 1) await gate.commands.rotate("alice", 5_000);
      await expect(gate.commands.rotate("alice", 5_000)).rejects.toThrow("16 passwords in grace");
      expect((await gate.askAs(7, "/vm")).status).toBe(200);
      await expect(gate.commands.rotate("nobody", 0)).rejects.toThrow("There is no user nobody.");
    });
  });
});
