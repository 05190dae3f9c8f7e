import * as fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { DEFAULT_GRANTS, parseScopes, SCOPES } from "../../gateway/onegate/trust/scopes.ts";
import { FakeCloud } from "../support/fake-cloud.ts";
import { type Gate, openGate } from "../support/onegate.ts";

let fake: FakeCloud;

beforeEach(() => {
  fake = new FakeCloud();
  fake.addService(1, { only: [7, 8] });
});

/** OneGate, when VM 7's context says so. */
function withContext(context: Readonly<Record<string, string>>, settings: object = {}): Gate {
  const vm = fake.vm(7);
  fake.vms.set(7, { ...vm, template: { ...vm.template, CONTEXT: { TOKEN: "YES", ...context } } });
  return openGate(fake, { settings: { restrictedActions: [], ...settings } });
}

const action = (perform: string, params?: unknown) => ({
  method: "POST",
  body: JSON.stringify({ action: { perform, params } }),
});

/** A request for each scope. */
const REQUESTS = {
  "self:read": ["GET", "/vm"],
  "self:write": ["PUT", "/vm"],
  "service:read": ["GET", "/service"],
  "peers:write": ["PUT", "/vms/8"],
  "service:scale": ["PUT", "/service/role/only"],
  "router:read": ["GET", "/vrouter"],
} as const;

describe("the scopes of a VM's template", () => {
  it("grant everything where the template says nothing", async () => {
    const gate = withContext({});
    expect((await gate.askAs(7, "/vms/8/action", action("terminate", true))).status).toBe(204);
    for (const [method, path] of Object.values(REQUESTS)) {
      expect(
        (await gate.askAs(7, path, { method, body: method === "PUT" ? "A=1" : undefined })).status,
      ).not.toBe(403);
    }
  });

  it.each(Object.entries(REQUESTS))(
    "open what takes %s to those who have it, and to nobody else",
    async (scope, [method, path]) => {
      const body = method === "PUT" ? "A=1" : undefined;
      const having = await withContext({ ONEGATE_SCOPE: scope }).askAs(7, path, { method, body });
      expect(having.status).not.toBe(403);
      const others = SCOPES.filter((other) => other !== scope).join(" ");
      const lacking = await withContext({ ONEGATE_SCOPE: others }).askAs(7, path, { method, body });
      expect(lacking).toMatchObject({
        status: 403,
        body: `This token does not grant ${scope}; it grants: ${others}.`,
      });
    },
  );

  it("tell the guest itself from its peers, also by its own id", async () => {
    const gate = withContext({ ONEGATE_SCOPE: "self:read,self:write" });
    expect((await gate.askAs(7, "/vms/7")).status).toBe(200);
    expect((await gate.askAs(7, "/vms/7/NAME")).status).toBe(200);
    expect((await gate.askAs(7, "/vms/8")).status).toBe(403);
    expect((await gate.askAs(7, "/vms/8/NAME")).status).toBe(403);
    expect((await gate.askAs(7, "/vms/7", { method: "PUT", body: "A=1" })).status).toBe(200);
    expect((await gate.askAs(7, "/vms/8", { method: "PUT", body: "A=1" })).status).toBe(403);
    expect(fake.vm(8).userTemplate.A).toBeUndefined();
  });

  it("name actions one by one, the hard form apart, and old names by what they do", async () => {
    const gate = withContext({ ONEGATE_SCOPE: "action:terminate action:resume" });
    expect((await gate.askAs(7, "/vms/8/action", action("resume"))).status).toBe(204);
    expect((await gate.askAs(7, "/vms/8/action", action("shutdown"))).status).toBe(204);
    for (const [perform, params] of [
      ["terminate", true],
      ["delete", undefined],
      ["stop", undefined],
      ["shutdown", true],
    ]) {
      expect((await gate.askAs(7, "/vms/8/action", action(String(perform), params))).status).toBe(403);
    }
  });

  it("cannot be widened by the guest", async () => {
    const gate = withContext({ ONEGATE_SCOPE: "self:read self:write" });
    for (const body of ["ONEGATE_SCOPE=self:read action:*", 'CONTEXT=[ONEGATE_SCOPE="action:*"]']) {
      await gate.askAs(7, "/vm", { method: "PUT", body });
    }
    expect((await gate.askAs(7, "/vms/8/action", action("stop"))).status).toBe(403);
    expect((await gate.askAs(7, "/service")).status).toBe(403);
  });

  it("grant nothing by words that do not exist", async () => {
    const gate = withContext({ ONEGATE_SCOPE: "all * self self:* SELF:READ action: action:.." });
    expect(await gate.askAs(7, "/vm")).toMatchObject({
      status: 403,
      body: "This token does not grant self:read; it grants: nothing.",
    });
  });
});

describe("the hardened profile", () => {
  const hardened = { profile: "hardened" };

  it.each([
    "terminate",
    "terminate-hard",
    "delete",
    "shutdown",
    "undeploy",
    "poweroff",
    "reboot",
    "stop",
    "suspend",
    "chown",
    "chmod",
    "detachnic",
    "snapshot_revert",
    "snapshot_delete",
  ])("refuses %s", async (perform) => {
    const params = {
      chown: { owner_id: 0 },
      chmod: "777",
      detachnic: 0,
      snapshot_revert: 0,
      snapshot_delete: 0,
    }[perform];
    const answer = await withContext({}, hardened).askAs(7, "/vms/8/action", action(perform, params));
    expect(answer.status).toBe(perform === "terminate-hard" ? 400 : 403);
    expect(fake.calls).toEqual([]);
  });

  it("leaves on what takes nobody down, and takes a grant of the template on top of its default", async () => {
    expect((await withContext({}, hardened).askAs(7, "/vms/8/action", action("resume"))).status).toBe(204);
    expect((await withContext({}, hardened).askAs(7, "/service")).status).toBe(200);
    const granted = withContext({ ONEGATE_SCOPE: "default action:terminate" }, hardened);
    expect((await granted.askAs(7, "/vms/8/action", action("terminate"))).status).toBe(204);
    expect((await granted.askAs(7, "/vms/8/action", action("resume"))).status).toBe(204);
    expect((await granted.askAs(7, "/vms/8/action", action("terminate", true))).status).toBe(403);
  });
});

describe("grants", () => {
  const word = fc.constantFrom(
    ...SCOPES,
    "action:stop",
    "action:resume",
    "action:terminate",
    "action:*",
    "nonsense",
  );
  const grants = fc.array(word).map((words) => parseScopes(words.join(" "), "open").grants);
  const actions = ["stop", "resume", "terminate", "reboot"];

  it("narrowed allow exactly what both allow, and lie within both", () => {
    fc.assert(
      fc.property(grants, grants, (left, right) => {
        const both = left.narrowedTo(right);
        for (const scope of SCOPES)
          expect(both.allows(scope)).toBe(left.allows(scope) && right.allows(scope));
        for (const name of actions)
          expect(both.allowsAction(name)).toBe(left.allowsAction(name) && right.allowsAction(name));
        expect([both.isWithin(left), both.isWithin(right), both.isWithin(DEFAULT_GRANTS.open)]).toEqual([
          true,
          true,
          true,
        ]);
      }),
    );
  });

  it("come back from their own text", () => {
    fc.assert(
      fc.property(grants, (some) => {
        const again = parseScopes(some.text, "open").grants;
        expect(again.isWithin(some) && some.isWithin(again)).toBe(true);
      }),
    );
  });
});
