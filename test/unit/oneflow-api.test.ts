import { readFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { type Actor, SYSTEM } from "../../gateway/cloud/actor.ts";
import type { EmbeddedCloud } from "../../gateway/cloud/embedded/embedded-cloud.ts";
import { prettyJson } from "../../gateway/oneflow/api/pretty-json.ts";
import { GatehouseError } from "../../shared/errors.ts";
import { makeUser, testCloud, text } from "../support/embedded.ts";
import { type FakeFlow, fakeFlow } from "../support/fake-flow.ts";
import { hurriedClock } from "../support/hurried-clock.ts";
import { basic, type FlowDesk, openFlowDesk } from "../support/oneflow-app.ts";

const TEMPLATE = {
  name: "web",
  deployment: "none",
  description: "",
  roles: [
    { name: "a", type: "vm", template_id: 0, cardinality: 1 },
    { name: "b", type: "vm", template_id: 0, cardinality: 1 },
  ],
};

let cloud: EmbeddedCloud;
let flow: FakeFlow;
let desk: FlowDesk;
let alice: Actor;

beforeEach(async () => {
  ({ cloud } = await testCloud());
  alice = await makeUser(cloud, SYSTEM, "alice");
  flow = fakeFlow(cloud);
  desk = openFlowDesk(cloud, flow);
});

afterEach(() => cloud.close());

const action = (perform: string, params: object = {}) => ({
  method: "POST",
  body: { action: { perform, params } },
});

async function create(template: object = TEMPLATE): Promise<number> {
  const { status, body } = await desk.askAs("alice", "/service_template", { method: "POST", body: template });
  expect(status).toBe(201);
  return idIn(body);
}

const idIn = (body: string): number =>
  Number(z.object({ DOCUMENT: z.looseObject({ ID: z.string() }) }).parse(JSON.parse(body)).DOCUMENT.ID);

describe("who asks", () => {
  it.each([
    ["nothing", undefined, "A username and password must be provided"],
    ["another scheme", "Bearer abc", "A username and password must be provided"],
    ["no base64", "Basic !", "A username and password must be provided"],
    [
      "no colon",
      `Basic ${Buffer.from("alice").toString("base64")}`,
      "A username and password must be provided",
    ],
    ["a wrong password", basic("alice:wrong"), "Invalid credentials"],
    ["an unknown name", basic("nobody:x"), "Invalid credentials"],
    ["no password", basic("alice:"), "Invalid credentials"],
    ["no name", basic(":alicepw"), "Invalid credentials"],
    ["neither", basic(":"), "Invalid credentials"],
  ])("is refused with %s, on every path", async (_, authorization, sentence) => {
    const hurried = openFlowDesk(cloud, flow, { clock: hurriedClock() });
    for (const path of ["/service", "/nosuch"]) {
      const answer = await hurried.ask(path, {
        headers: authorization === undefined ? {} : { authorization },
      });
      expect([answer.status, answer.body]).toEqual([401, sentence]);
    }
  });

  it("is answered the later, the more often the password was wrong", async () => {
    const clock = hurriedClock();
    const hurried = openFlowDesk(cloud, flow, { clock });
    for (let time = 0; time < 3; time += 1) await hurried.askAs("alice:wrong", "/service");
    expect(clock.waits).toEqual([100, 200, 400]);
    expect((await hurried.askAs("alice", "/service")).status).toBe(200);
    expect(clock.waits.length).toBe(3);
  });

  it("may bring a login token in place of the password", async () => {
    const token = await cloud.users.addLoginToken(SYSTEM, alice.uid, { expires: -1, gid: -1 });
    expect((await desk.askAs(`alice:${token}`, "/service")).status).toBe(200);
  });

  it("may bring what was stored as escaped in a URI, in one attempt", async () => {
    await cloud.users.setPassword(SYSTEM, alice.uid, "a%20b[1]%23");
    const clock = hurriedClock();
    const hurried = openFlowDesk(cloud, flow, { clock });
    expect((await hurried.askAs("alice:a b[1]#", "/service")).status).toBe(200);
    expect((await hurried.askAs("alice:a  b", "/service")).status).toBe(401);
    expect(clock.waits).toEqual([100]);
  });
});

describe("answers", () => {
  it("are laid out byte for byte as recorded", () => {
    const lines = readFileSync(new URL("../fixtures/oneflow.jsonl", import.meta.url), "utf8")
      .trimEnd()
      .split("\n");
    const bodies = lines
      .map(
        (line) =>
          z.object({ response: z.object({ status: z.int(), body: z.string() }) }).parse(JSON.parse(line))
            .response,
      )
      .filter(({ status, body }) => status < 300 && body.startsWith("{"))
      .map(({ body }) => body);
    expect(bodies.length).toBeGreaterThan(80);
    for (const body of bodies) expect(prettyJson(JSON.parse(body))).toBe(body);
  });

  it("are the same for a pool of them", async () => {
    expect((await desk.askAs("alice", "/service")).body).toBe('{\n  "DOCUMENT_POOL": {\n  }\n}');
    await create();
    await create({ ...TEMPLATE, name: "second", roles: [] });
    const { body } = await desk.askAs("alice", "/service_template");
    expect(prettyJson(JSON.parse(body))).toBe(body);
  });

  it("run nothing in a browser, and are JSON for those who ask for it", async () => {
    const id = await create({ ...TEMPLATE, description: "<script>alert(1)</script>" });
    const recorded = await desk.askAs("alice", `/service_template/${id}`);
    expect(Object.fromEntries(recorded.headers)).toMatchObject({
      "content-type": "text/html;charset=utf-8",
      "x-content-type-options": "nosniff",
      "x-frame-options": "SAMEORIGIN",
      "x-xss-protection": "1; mode=block",
      "content-security-policy": "default-src 'none'; sandbox",
    });
    const headers = { accept: "application/json" };
    const json = await desk.askAs("alice", `/service_template/${id}`, { headers });
    expect(json.headers.get("content-type")).toBe("application/json;charset=utf-8");
    expect(json.body).toBe(recorded.body);
    const missing = await desk.askAs("alice", "/service/99", { headers });
    expect([missing.status, JSON.parse(missing.body)]).toEqual([
      404,
      { error: { message: "[one.document.info] Error getting document [99]." } },
    ]);
  });

  it("say when to come back while the cloud is away", async () => {
    const away = () => Promise.reject(new GatehouseError("unavailable", "The core does not answer."));
    const { documents } = cloud;
    const gone = { ...documents, get: away, list: away, peek: () => undefined };
    const lost = openFlowDesk(Object.assign(Object.create(cloud), { documents: gone }), flow);
    const { status, body, headers } = await lost.askAs("alice", "/service/1");
    expect([status, body, headers.get("retry-after")]).toEqual([503, "The core does not answer.", "2"]);
  });

  it("come on paths with two slashes, to HEAD, and by their kind only", async () => {
    const id = await create();
    expect((await desk.askAs("alice", `//service_template/${id}`)).status).toBe(200);
    const head = await desk.askAs("alice", `/service_template/${id}`, { method: "HEAD" });
    expect([head.status, head.body, head.headers.get("etag")?.length]).toEqual([200, "", 22]);
    const wrongKind = await desk.askAs("alice", `/service/${id}`);
    expect([wrongKind.status, wrongKind.body]).toEqual([
      404,
      `[one.document.info] Error getting document [${id}].`,
    ]);
  });

  it.each(["007", "1e3", "99999999999999999999", "%30x", "-"])(
    "find no document under %s",
    async (idText) => {
      expect((await desk.askAs("alice", `/service_template/${idText}`)).status).toBe(404);
    },
  );

  it("never show what the life cycle keeps for itself", async () => {
    const id = await create();
    await cloud.documents.updateTemplate(SYSTEM, id, text('GATEHOUSE="{}" LABELS="x"'), "append");
    for (const path of [`/service_template/${id}`, "/service_template"]) {
      const { body } = await desk.askAs("alice", path);
      expect([body.includes("GATEHOUSE"), body.includes("LABELS")]).toEqual([false, true]);
    }
  });

  it("to a list come by pages, newest first, with how many there are", async () => {
    const ids = [await create(), await create(), await create()];
    const page = async (query: string) => {
      const { body, headers } = await desk.askAs("alice", `/service_template${query}`);
      return [
        [...body.matchAll(/^ {8}"ID": "(\d+)"/gm)].map(([, id]) => Number(id)),
        headers.get("x-total-count"),
      ];
    };
    expect(await page("")).toEqual([[...ids].reverse(), "3"]);
    expect(await page("?size=2")).toEqual([[ids[2], ids[1]], "3"]);
    expect(await page("?page=2&size=2")).toEqual([[ids[0]], "3"]);
    expect(await page("?page=9")).toEqual([[], "3"]);
    for (const query of ["page=0", "size=x", "size=10001", "page=1&page=2"])
      expect((await desk.askAs("alice", `/service_template?${query}`)).status).toBe(400);
  });
});

describe("bodies", () => {
  it("are read whatever their type, up to the bound, and as UTF-8", async () => {
    const small = openFlowDesk(cloud, flow, { settings: { maxBodyBytes: 1_024 } });
    const send = (body: string | object, type: string) =>
      small.askAs("alice", "/service_template", { method: "POST", body, headers: { "content-type": type } });
    expect((await send(TEMPLATE, "application/x-www-form-urlencoded")).status).toBe(201);
    const large = await send({ ...TEMPLATE, description: "x".repeat(1_024) }, "application/json");
    expect([large.status, large.headers.get("connection")]).toEqual([413, "close"]);
    const deep = await desk.askAs("alice", "/service_template", { method: "POST", body: "[".repeat(10_000) });
    expect(deep.status).toBe(400);
  });

  it("with unknown attributes are taken, and the header says so in ASCII", async () => {
    const answer = await desk.askAs("alice", "/service_template", {
      method: "POST",
      body: { ...TEMPLATE, "naïve\n": 1 },
    });
    expect(answer.status).toBe(201);
    expect(answer.headers.get("x-gatehouse-warning")).toMatch(/^na\\u00efve\\u000a is not an attribute/);
  });
});

describe("a service template", () => {
  it("goes with its VM templates where that is asked for, each once", async () => {
    const vmTemplate = await cloud.templates.allocate(alice, text('NAME="t" CPU=1 MEMORY=64'));
    const roles = TEMPLATE.roles.map((role) => ({ ...role, template_id: vmTemplate }));
    const kept = await create({ ...TEMPLATE, roles });
    const gone = await create({ ...TEMPLATE, roles });
    const remove = (id: number, type: string) =>
      desk.askAs("alice", `/service_template/${id}`, { method: "DELETE", body: { delete_type: type } });
    expect((await remove(kept, "none")).status).toBe(204);
    expect((await cloud.templates.get(alice, vmTemplate)).name).toBe("t");
    expect((await remove(gone, "everything")).status).toBe(400);
    expect((await remove(gone, "all")).status).toBe(204);
    await expect(cloud.templates.get(alice, vmTemplate)).rejects.toMatchObject({ code: "not_found" });
  });

  it("stays when one of its VM templates is not the user's to delete", async () => {
    const foreign = await cloud.templates.allocate(SYSTEM, text('NAME="t" CPU=1 MEMORY=64'));
    const id = await create({ ...TEMPLATE, roles: [{ ...TEMPLATE.roles[0], template_id: foreign }] });
    const answer = await desk.askAs("alice", `/service_template/${id}`, {
      method: "DELETE",
      body: { delete_type: "templates" },
    });
    expect([answer.status, answer.body]).toEqual([
      401,
      `[one.template.delete] User [${alice.uid}] : Not authorized to perform MANAGE TEMPLATE [${foreign}].`,
    ]);
    expect((await desk.askAs("alice", `/service_template/${id}`)).status).toBe(200);
  });

  it("takes no VM template along when it is not the user's to delete itself", async () => {
    const own = await cloud.templates.allocate(alice, text('NAME="t" CPU=1 MEMORY=64'));
    const body = JSON.parse(
      JSON.stringify({ ...TEMPLATE, roles: [{ ...TEMPLATE.roles[0], template_id: own }] }),
    );
    const foreign = await cloud.documents.allocate(SYSTEM, { type: 101, name: "web", body });
    await cloud.documents.chmod(SYSTEM, foreign, [1, 1, 0, 0, 0, 0, 1, 0, 0]);
    const answer = await desk.askAs("alice", `/service_template/${foreign}`, {
      method: "DELETE",
      body: { delete_type: "templates" },
    });
    expect(answer.status).toBe(401);
    expect((await cloud.templates.get(alice, own)).name).toBe("t");
  });

  it("is copied with its VM templates, or not at all", async () => {
    const vmTemplate = await cloud.templates.allocate(alice, text('NAME="t" CPU=1 MEMORY=64'));
    const shared = TEMPLATE.roles.map((role) => ({ ...role, template_id: vmTemplate }));
    const id = await create({ ...TEMPLATE, roles: shared });
    const copy = await desk.askAs(
      "alice",
      `/service_template/${id}/action`,
      action("clone", { name: "copy" }),
    );
    expect(copy.status).toBe(201);
    const copies = (await cloud.templates.list(alice)).filter(({ name }) => name === "copy-t");
    expect(copies.length).toBe(1);
    expect([...copy.body.matchAll(/"template_id": (\d+)/g)].map(([, one]) => Number(one))).toEqual([
      copies[0]?.id,
      copies[0]?.id,
    ]);
    const [first, second] = shared;
    const broken = await create({ ...TEMPLATE, roles: [first, { ...second, template_id: 999 }] });
    const refused = await desk.askAs(
      "alice",
      `/service_template/${broken}/action`,
      action("clone", { name: "bad" }),
    );
    expect([refused.status, refused.body]).toEqual([
      404,
      "[one.template.info] Error getting virtual machine template [999].",
    ]);
    expect((await cloud.templates.list(alice)).map(({ name }) => name).sort()).toEqual(["copy-t", "t"]);
  });

  it.each([
    [{ template_raw: 'BODY="{}"' }],
    [{ template_raw: 'NAME="x"' }],
    [{ template_raw: 'GATEHOUSE="x"' }],
    [{ template_raw: "A=[" }],
    [{ template_json: "{" }],
    [{ template_json: '{"name":5}' }],
    [{}],
  ])("is not updated with %j", async (params) => {
    const id = await create();
    const before = await cloud.documents.get(alice, id);
    expect(
      (await desk.askAs("alice", `/service_template/${id}/action`, action("update", params))).status,
    ).toBe(400);
    expect(await cloud.documents.get(alice, id)).toBe(before);
  });

  it("takes its permissions as digits in text or in a number, and nothing else", async () => {
    const id = await create();
    const chmod = (octet: unknown) =>
      desk.askAs("alice", `/service_template/${id}/action`, action("chmod", { octet }));
    for (const octet of ["604", 640]) {
      expect((await chmod(octet)).status).toBe(204);
      expect((await cloud.documents.get(alice, id)).mode.toString(8)).toBe(String(octet));
    }
    for (const octet of [64, 6400, 888, 6.4, -64, "0640", "zzz", ["640"], true])
      expect((await chmod(octet)).status).toBe(400);
    expect((await cloud.documents.get(alice, id)).mode).toBe(0o640);
  });

  it("keeps its body when attributes beside it are written anew", async () => {
    const id = await create();
    for (const params of [{ template_raw: 'A="1"' }, { template_raw: 'B="2"' }])
      expect(
        (await desk.askAs("alice", `/service_template/${id}/action`, action("update", params))).status,
      ).toBe(204);
    const { body, template } = await cloud.documents.get(alice, id);
    expect([body?.name, template]).toEqual(["web", { B: "2" }]);
  });
});

describe("a service is asked", () => {
  let id: number;
  beforeEach(async () => {
    const made = await desk.askAs(
      "alice",
      `/service_template/${await create()}/action`,
      action("instantiate"),
    );
    expect(made.status).toBe(201);
    id = idIn(made.body);
  });

  it("to become what stands in a template that is not appended, as where it is sent alone", async () => {
    const body = { ...TEMPLATE, description: "anew" };
    const update = (sent: object) => desk.askAs("alice", `/service/${id}`, { method: "PUT", body: sent });
    expect((await update(body)).status).toBe(204);
    const alone = flow.calls.at(-1);
    expect((await update({ append: false, template: JSON.stringify(body) })).status).toBe(204);
    expect(flow.calls.at(-1)).toEqual(alone);
    expect(await update({ append: false })).toMatchObject({
      status: 400,
      body: "Missing template to append",
    });
  });

  it.each([
    ["shutdown", action("shutdown"), "/action", ["command", { kind: "undeploy" }]],
    ["recover", action("recover"), "/action", ["command", { kind: "recover" }]],
    [
      "recover and delete",
      action("recover", { delete: true }),
      "/action",
      ["command", { kind: "recover_delete" }],
    ],
    [
      "a scale",
      { method: "POST", body: { role_name: "a", cardinality: "3" } },
      "/scale",
      ["command", { kind: "scale", role: "a", cardinality: 3, force: false }],
    ],
    [
      "an older scale",
      { method: "PUT", body: { cardinality: 3, force: true } },
      "/role/a",
      ["command", { kind: "scale", role: "a", cardinality: 3, force: true }],
    ],
    [
      "an action on all roles",
      action("poweroff", { period: 5, number: "2" }),
      "/action",
      ["schedule", undefined, { action: "poweroff", args: undefined, period: 5, number: 2 }],
    ],
    [
      "an older action on a role",
      action("shutdown-hard"),
      "/role/a/action",
      ["schedule", "a", { action: "terminate-hard", args: undefined, period: undefined, number: undefined }],
    ],
    [
      "an action with arguments",
      action("snapshot-create", { args: "s1" }),
      "/role/a/action",
      ["schedule", "a", { action: "snapshot-create", args: "s1", period: undefined, number: undefined }],
    ],
    ["to forget an action", { method: "DELETE" }, "/role/a/sched_action/4", ["unschedule", "a", 4]],
  ])("%s", async (_, ask, path, [name, ...rest]) => {
    const { status } = await desk.askAs("alice", `/service/${id}${path}`, ask);
    expect(status).toBeLessThan(300);
    expect(flow.calls.at(-1)).toEqual([name, id, ...rest]);
  });

  it.each([
    ["no number", { role_name: "a", cardinality: "abc" }],
    ["half a number", { role_name: "a", cardinality: 1.5 }],
    ["no cardinality", { role_name: "a" }],
    ["a list", []],
  ])("nothing with %s", async (_, body) => {
    expect((await desk.askAs("alice", `/service/${id}/scale`, { method: "POST", body })).status).toBe(400);
    expect(flow.calls.at(-1)?.[0]).toBe("instantiate");
  });

  it.each(["constructor", "__proto__", "toString", "explode"])("no action called %s", async (perform) => {
    const answer = await desk.askAs("alice", `/service/${id}/action`, action(perform));
    expect(answer.status).toBe(400);
    expect(
      (await desk.askAs("alice", `/service_template/${id}/action`, action(perform))).status,
    ).toBeLessThan(500);
  });
});
