import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Actor, SYSTEM } from "../../gateway/cloud/actor.ts";
import type { EmbeddedCloud } from "../../gateway/cloud/embedded/embedded-cloud.ts";
import { DOCUMENT_TYPE, type JsonObject } from "../../gateway/cloud/model.ts";
import { makeUser, testCloud } from "../support/embedded.ts";
import { fakeFlow } from "../support/fake-flow.ts";
import { type FlowDesk, openFlowDesk } from "../support/oneflow-app.ts";

const TEMPLATE = {
  name: "web",
  deployment: "none",
  description: "",
  roles: [{ name: "a", type: "vm", template_id: 0, cardinality: 1 }],
  registration_time: 1,
};
const SERVICE = {
  ...TEMPLATE,
  roles: [{ ...TEMPLATE.roles[0], state: 2, nodes: [] }],
  state: 2,
  start_time: 1,
  log: [],
};

/** Who asks, as the document sees them: its owner, one of its group, or anybody else. */
const ASKERS = ["owner", "group", "other"] as const;
type Asker = (typeof ASKERS)[number];
type Right = "USE" | "MANAGE" | "ADMIN";

const perform = (name: string, params: JsonObject = {}) => ({ action: { perform: name, params } });

interface Ask {
  readonly what: string;
  readonly method: string;
  readonly kind: "service" | "serviceTemplate";
  /** After the document's own path. */
  readonly path: string;
  readonly body?: object;
  readonly takes: Right;
}

const SERVICE_ASKS: readonly Ask[] = [
  { what: "show a service", method: "GET", path: "", takes: "USE" },
  { what: "update a service", method: "PUT", path: "", body: SERVICE, takes: "MANAGE" },
  { what: "delete a service", method: "DELETE", path: "", takes: "MANAGE" },
  { what: "recover", method: "POST", path: "/action", body: perform("recover"), takes: "MANAGE" },
  {
    what: "recover and delete",
    method: "POST",
    path: "/action",
    body: perform("recover", { delete: true }),
    takes: "MANAGE",
  },
  { what: "release", method: "POST", path: "/action", body: perform("release"), takes: "MANAGE" },
  {
    what: "rename",
    method: "POST",
    path: "/action",
    body: perform("rename", { name: "x" }),
    takes: "MANAGE",
  },
  {
    what: "chmod",
    method: "POST",
    path: "/action",
    body: perform("chmod", { octet: "664" }),
    takes: "MANAGE",
  },
  {
    what: "chmod an admin bit",
    method: "POST",
    path: "/action",
    body: perform("chmod", { octet: "700" }),
    takes: "ADMIN",
  },
  {
    what: "schedule on all roles",
    method: "POST",
    path: "/action",
    body: perform("poweroff"),
    takes: "MANAGE",
  },
  { what: "unschedule on all roles", method: "DELETE", path: "/sched_action/0", takes: "MANAGE" },
  {
    what: "scale",
    method: "POST",
    path: "/scale",
    body: { role_name: "a", cardinality: 2 },
    takes: "MANAGE",
  },
  {
    what: "scale in the older way",
    method: "PUT",
    path: "/role/a",
    body: { cardinality: 2 },
    takes: "MANAGE",
  },
  {
    what: "add a role",
    method: "POST",
    path: "/role_action",
    body: perform("add_role", { role: { name: "b", type: "vm", template_id: 0 } }),
    takes: "MANAGE",
  },
  {
    what: "remove a role",
    method: "POST",
    path: "/role_action",
    body: perform("remove_role", { role: "a" }),
    takes: "MANAGE",
  },
  {
    what: "schedule on a role",
    method: "POST",
    path: "/role/a/action",
    body: perform("poweroff"),
    takes: "MANAGE",
  },
  { what: "unschedule on a role", method: "DELETE", path: "/role/a/sched_action/0", takes: "MANAGE" },
].map((ask) => ({ ...ask, kind: "service", takes: ask.takes as Right }));

const TEMPLATE_ASKS: readonly Ask[] = [
  { what: "show a template", method: "GET", path: "", takes: "USE" },
  { what: "instantiate", method: "POST", path: "/action", body: perform("instantiate"), takes: "USE" },
  {
    what: "clone",
    method: "POST",
    path: "/action",
    body: perform("clone", { name: "c", recursive: "none" }),
    takes: "USE",
  },
  { what: "update a template", method: "PUT", path: "", body: TEMPLATE, takes: "MANAGE" },
  {
    what: "update by action",
    method: "POST",
    path: "/action",
    body: perform("update", { append: true, template_json: '{"description":"x"}' }),
    takes: "MANAGE",
  },
  {
    what: "update attributes",
    method: "POST",
    path: "/action",
    body: perform("update", { append: true, template_raw: 'A="1"' }),
    takes: "MANAGE",
  },
  {
    what: "rename a template",
    method: "POST",
    path: "/action",
    body: perform("rename", { name: "x" }),
    takes: "MANAGE",
  },
  {
    what: "chmod a template",
    method: "POST",
    path: "/action",
    body: perform("chmod", { octet: "664" }),
    takes: "MANAGE",
  },
  { what: "delete a template", method: "DELETE", path: "", takes: "MANAGE" },
  {
    what: "delete a template and VM templates",
    method: "DELETE",
    path: "",
    body: { delete_type: "templates" },
    takes: "MANAGE",
  },
].map((ask) => ({ ...ask, kind: "serviceTemplate", takes: ask.takes as Right }));

const SHIFT = { owner: 6, group: 3, other: 0 } as const;
const BIT = { USE: 4, MANAGE: 2, ADMIN: 1 } as const;

let cloud: EmbeddedCloud;
let desk: FlowDesk;
let owner: Actor;

beforeEach(async () => {
  ({ cloud } = await testCloud());
  owner = await makeUser(cloud, SYSTEM, "owner");
  const gid = await cloud.groups.allocate(SYSTEM, "team");
  const member = await makeUser(cloud, SYSTEM, "group");
  await cloud.users.joinGroup(SYSTEM, member.uid, gid);
  const stranger = await makeUser(cloud, SYSTEM, "other");
  expect(stranger.gids).not.toContain(gid);
  await cloud.users.joinGroup(SYSTEM, owner.uid, gid);
  desk = openFlowDesk(cloud, fakeFlow(cloud));
});

afterEach(() => cloud.close());

/** A document of the owner's and the group's, with these bits for one of the three, and for the others none. */
async function document({ kind }: Ask, asker: Asker, rights: readonly Right[]): Promise<string> {
  const body = kind === "service" ? SERVICE : TEMPLATE;
  const id = await cloud.documents.allocate(owner, {
    type: DOCUMENT_TYPE[kind],
    name: "web",
    body: JSON.parse(JSON.stringify(body)),
  });
  const team = (await cloud.groups.list(SYSTEM)).find(({ name }) => name === "team");
  await cloud.documents.chown(SYSTEM, id, { gid: team?.id });
  const mode = rights.reduce((bits, right) => bits | (BIT[right] << SHIFT[asker]), 0);
  const bits = Array.from({ length: 9 }, (_, at) => (mode >> (8 - at)) & 1);
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0, i = 0] = bits;
  await cloud.documents.chmod(SYSTEM, id, [a, b, c, d, e, f, g, h, i]);
  return `${kind === "service" ? "/service" : "/service_template"}/${id}`;
}

const LADDER: readonly (readonly Right[])[] = [[], ["USE"], ["USE", "MANAGE"], ["USE", "MANAGE", "ADMIN"]];

describe.each([...SERVICE_ASKS, ...TEMPLATE_ASKS].map((ask) => [ask.what, ask.takes, ask] as const))(
  "to %s takes %s",
  (_what, takes, ask) => {
    it.each(ASKERS)("of the %s, and is refused without it", async (asker) => {
      for (const rights of LADDER) {
        const path = await document(ask, asker, rights);
        const answer = await desk.askAs(asker, `${path}${ask.path}`, { method: ask.method, body: ask.body });
        const may = rights.includes(takes);
        const told = [rights.join(), answer.status < 300, answer.body.slice(0, 200)];
        expect(told).toEqual([rights.join(), may, told[2]]);
        if (may) continue;
        expect(answer.status).toBe(401);
        expect(answer.body).toMatch(
          /^\[one\.\w+\.\w+\] User \[\d+\] : Not authorized to perform \w+ DOCUMENT \[\d+\]\.$/,
        );
      }
    });
  },
);

describe("without a document", () => {
  it.each(ASKERS)("%s sees what may be used in lists, and may create and purge", async (asker) => {
    const [show] = SERVICE_ASKS;
    if (show === undefined) throw new Error("nothing to ask");
    const seen = await document(show, asker, ["USE"]);
    await document(show, asker, []);
    const list = await desk.askAs(asker, "/service");
    const ids = [...list.body.matchAll(/^ {8}"ID": "(\d+)"/gm)].map(([, id]) => `/service/${id}`);
    expect(ids).toEqual([seen]);
    expect((await desk.askAs(asker, "/service_template", { method: "POST", body: TEMPLATE })).status).toBe(
      201,
    );
    expect((await desk.askAs(asker, "/service_pool/purge_done", { method: "POST" })).status).toBe(204);
  });

  it("nobody gives a document away, and its owner may give it to the owner", async () => {
    const [show] = TEMPLATE_ASKS;
    if (show === undefined) throw new Error("nothing to ask");
    const path = await document(show, "owner", ["USE", "MANAGE"]);
    const give = (id: number) =>
      desk.askAs("owner", `${path}/action`, { method: "POST", body: perform("chown", { owner_id: id }) });
    expect((await give(0)).body).toBe(
      `[one.document.chown] User [${owner.uid}] : Not authorized to perform MANAGE USER [0].`,
    );
    expect((await give(owner.uid)).status).toBe(204);
  });
});
