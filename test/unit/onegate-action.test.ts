import { beforeEach, describe, expect, it } from "vitest";
import { type Call, FakeCloud } from "../support/fake-cloud.ts";
import { type Answer, type Gate, openGate } from "../support/onegate.ts";

let fake: FakeCloud;
let gate: Gate;

beforeEach(() => {
  fake = new FakeCloud();
  fake.addVm(7);
  gate = openGate(fake, { settings: { restrictedActions: [] } });
});

function post(body: string, through: Gate = gate): Promise<Answer> {
  return through.askAs(7, "/vms/7/action", {
    method: "POST",
    body,
    headers: { "Content-Type": "application/json" },
  });
}

const perform = (name: string, params?: unknown, through: Gate = gate): Promise<Answer> =>
  post(JSON.stringify({ action: { perform: name, params } }), through);

describe("an action", () => {
  it.each<[string, unknown, Call]>([
    ["resume", undefined, ["act", 7, "resume"]],
    ["stop", null, ["act", 7, "stop"]],
    ["suspend", true, ["act", 7, "suspend"]],
    ["hold", {}, ["act", 7, "hold"]],
    ["release", "", ["act", 7, "release"]],
    ["resched", undefined, ["act", 7, "resched"]],
    ["unresched", undefined, ["act", 7, "unresched"]],
    ["terminate", undefined, ["act", 7, "terminate"]],
    ["terminate", false, ["act", 7, "terminate"]],
    ["terminate", true, ["act", 7, "terminate-hard"]],
    ["poweroff", { hard: true }, ["act", 7, "poweroff-hard"]],
    ["poweroff", { hard: false }, ["act", 7, "poweroff"]],
    ["undeploy", {}, ["act", 7, "undeploy"]],
    ["reboot", true, ["act", 7, "reboot-hard"]],
    ["shutdown", undefined, ["act", 7, "terminate"]],
    ["delete", undefined, ["act", 7, "terminate-hard"]],
    ["rename", "new", ["rename", 7, "new"]],
    ["rename", { name: "new" }, ["rename", 7, "new"]],
    ["chmod", "640", ["chmod", 7, [1, 1, 0, 1, 0, 0, 0, 0, 0]]],
    ["chmod", 751, ["chmod", 7, [1, 1, 1, 1, 0, 1, 0, 0, 1]]],
    ["chmod", { octet: "0600" }, ["chmod", 7, [1, 1, 0, 0, 0, 0, 0, 0, 0]]],
    ["chown", { owner_id: 3, group_id: "-1" }, ["chown", 7, { uid: 3, gid: undefined }]],
    ["deploy", 4, ["deploy", 7, 4]],
    ["deploy", { host_id: "4", enforce: true }, ["deploy", 7, 4]],
    ["attachnic", 'NIC=[NETWORK="private"]', ["attachNic", 7, { NIC: { NETWORK: "private" } }]],
    ["attachnic", { nic_template: "NIC=[NETWORK_ID=1]" }, ["attachNic", 7, { NIC: { NETWORK_ID: "1" } }]],
    ["detachnic", 1, ["detachNic", 7, 1]],
    ["detachnic", { nic_id: "1" }, ["detachNic", 7, 1]],
    ["snapshot_create", "one", ["createSnapshot", 7, "one"]],
    ["snapshot_create", undefined, ["createSnapshot", 7, ""]],
    ["snapshot_revert", 0, ["revertSnapshot", 7, 0]],
    ["snapshot_delete", { snap_id: "2" }, ["deleteSnapshot", 7, 2]],
  ])("%s with %j is done", async (name, params, call) => {
    const answer = await perform(name, params);
    expect(answer).toMatchObject({ status: 204, body: "" });
    expect(answer.headers.get("content-type")).toBeNull();
    expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
    expect(fake.calls).toEqual([call]);
  });

  it.each<[string, unknown]>([
    ["terminate", "true"],
    ["reboot", { hard: "yes" }],
    ["rename", undefined],
    ["rename", 5],
    ["chmod", "9"],
    ["chmod", "888"],
    ["chmod", { mode: "640" }],
    ["chown", "alice"],
    ["deploy", "one"],
    ["deploy", -1],
    ["detachnic", 1.5],
    ["detachnic", [1]],
    ["snapshot_revert", "01"],
    ["snapshot_revert", 2 ** 53],
  ])("%s with the params %j is refused with what it takes", async (name, params) => {
    const answer = await perform(name, params);
    expect(answer.status).toBe(400);
    expect(answer.body).toMatch(new RegExp(`^Invalid params of action ${name}: it takes .+\\.$`));
    expect(fake.calls).toEqual([]);
  });

  it.each(["EXTERNAL_IP", "IP6_GLOBAL", "IP6_LINK", "VROUTER_IP"])(
    "attachnic leaves %s to the network, since tokens may be bound to it",
    async (name) => {
      for (const kind of ["NIC", "NIC_ALIAS"]) {
        const nic = `${kind}=[NETWORK="private",${name.toLowerCase()}="203.0.113.9"]`;
        expect(await perform("attachnic", nic)).toMatchObject({
          status: 403,
          body: `A guest cannot choose ${name}; its network gives the NIC its addresses.`,
        });
      }
      expect(fake.calls).toEqual([]);
    },
  );

  it.each([
    'A="1"',
    'NIC=[NETWORK="a"]\nSERVICE_ID=3',
    'NIC=[NETWORK="a"] NIC=[NETWORK="b"]',
    "NIC=",
    "",
    "NIC=[",
  ])("attachnic takes one NIC and nothing else, not %j", async (text) => {
    expect((await perform("attachnic", text)).status).toBe(400);
    expect(fake.calls).toEqual([]);
  });

  it.each([
    "explode",
    "RESCHED",
    "migrate",
    "resize",
    "saveas",
    "recover",
    "attachdisk",
    "",
    "__proto__",
    "constructor",
  ])("%j is not available", async (name) => {
    const body = `${name} action not available for this resource`;
    expect(await perform(name)).toMatchObject({ status: 400, body });
  });
});

describe("an action's JSON", () => {
  it.each([
    ["zz", "unexpected token at 'zz'"],
    ["", "unexpected token at ''"],
    ["[]", "Error parsing JSON: Wrong resource type"],
    ["null", "Error parsing JSON: Wrong resource type"],
    ['"action"', "Error parsing JSON: Wrong resource type"],
    ["{}", "Error parsing JSON: Wrong resource type"],
    ['{"action":"resched"}', "Error parsing JSON: Wrong resource type"],
    ['{"action":null}', "Error parsing JSON: Wrong resource type"],
    ['{"action":[]}', "Error parsing JSON: Wrong resource type"],
    ['{"action":{}}', "Error parsing JSON: perform must be the name of an action"],
    ['{"action":{"perform":1}}', "Error parsing JSON: perform must be the name of an action"],
  ])("%j is refused", async (text, body) => {
    expect(await post(text)).toMatchObject({ status: 400, body });
  });

  it("may not be nested without end", async () => {
    const deep = `{"action":{"perform":"stop","params":${"[".repeat(100_000)}${"]".repeat(100_000)}}}`;
    expect(await post(deep)).toMatchObject({
      status: 400,
      body: "Error parsing JSON: nested deeper than 20 levels",
    });
    const brackets = `{"action":{"perform":"rename","params":"${"[{".repeat(50)}\\"${"[".repeat(50)}"}}`;
    expect((await post(brackets)).status).toBe(204);
  });
});

describe("a restricted action", () => {
  it.each([
    ["reboot", "reboot"],
    ["reboot", "REBOOT"],
    ["reboot", "reboot-hard"],
    ["Reboot", "reboot"],
    ["terminate", "delete"],
    ["terminate", "shutdown"],
    ["delete", "delete"],
    ["shutdown", "terminate"],
    ["snapshot_create", "snapshot_create"],
  ])("%s in the settings forbids %s", async (configured, name) => {
    const closed = openGate(fake, { settings: { restrictedActions: [configured] } });
    const body = `Action (${name}) is not allowed on this resource`;
    expect(await perform(name, undefined, closed)).toMatchObject({ status: 403, body });
    expect(fake.calls).toEqual([]);
  });

  it("delete forbids the same thing under its other name, and leaves the gentle one", async () => {
    const closed = openGate(fake, { settings: { restrictedActions: ["delete"] } });
    expect((await perform("terminate", true, closed)).status).toBe(403);
    expect((await perform("terminate", undefined, closed)).status).toBe(204);
  });

  it.each([undefined, null])("is reboot when the settings say %j", async (restrictedActions) => {
    const closed = openGate(fake, { settings: { restrictedActions } });
    expect((await perform("reboot", true, closed)).status).toBe(403);
    expect((await perform("resume", undefined, closed)).status).toBe(204);
  });
});
