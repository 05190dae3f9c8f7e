import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { recordedFlow, runFlow, type ScriptedFlow, startScriptedFlow } from "../support/flow-command.ts";
import { type ScriptedCore, startScriptedCore, success, worldPool } from "../support/scripted-core.ts";

const SERVICE = recordedFlow("service-show-hold");
const TEMPLATE = recordedFlow("stpl-create");
const NONE = { status: 204 };
const MADE = { status: 201, body: TEMPLATE };
const NOT_FOUND = { status: 404, body: "[one.document.info] Error getting document [6]." };

const REPLIES = {
  "GET /service": recordedFlow("service-list-after-purge"),
  "GET /service/5": SERVICE,
  "GET /service/6": NOT_FOUND,
  "GET /service/7": SERVICE,
  "GET /service_template/5": TEMPLATE,
  ...Object.fromEntries(
    [
      ...["DELETE /service/5", "DELETE /service/7", "PUT /service/5", "POST /service_pool/purge_done"],
      ...["POST /service/5/action", "POST /service/7/action", "POST /service/5/scale"],
      ...["POST /service/5/role_action", "POST /service/5/role/a%2Fb/action"],
      ...["DELETE /service/5/sched_action/3", "DELETE /service/5/role/a%2Fb/sched_action/3"],
      ...["DELETE /service_template/5", "POST /service_template/5/action"],
    ].map((path) => [path, NONE]),
  ),
  "POST /service/6/action": NOT_FOUND,
  "PUT /service_template/5": { ...MADE, status: 200 },
  "POST /service_template": { ...MADE, headers: { "x-gatehouse-warning": "color is no attribute" } },
  "POST /service_template/8/action": MADE,
};

let flow: ScriptedFlow;
let core: ScriptedCore;
let folder: string;

beforeAll(async () => {
  flow = await startScriptedFlow(REPLIES);
  core = await startScriptedCore({
    "one.userpool.info": success("<USER_POOL><USER><ID>3</ID><NAME>bob</NAME></USER></USER_POOL>"),
    "one.grouppool.info": success(worldPool("groups", "GROUP_POOL")),
  });
  folder = mkdtempSync(join(tmpdir(), "flow-cli-"));
  writeFileSync(join(folder, "part.json"), '{"description": "new"} // as in the guide');
  writeFileSync(join(folder, "whole.json"), '{ /* whole */ "name": "web", "roles": [] }');
});

afterAll(async () => {
  await flow.close();
  await core.close();
  rmSync(folder, { recursive: true, force: true });
});

/** The requests of one command line, words apart by blanks. */
async function requestsOf(line: string | readonly string[], input?: string) {
  const before = flow.asked.length;
  const words = typeof line === "string" ? line.split(" ") : line;
  const env = {
    ONEFLOW_URL: flow.url,
    ONEFLOW_USER: "alice",
    ONEFLOW_PASSWORD: "alicepw",
    ONE_XMLRPC: core.endpoint,
  };
  const result = await runFlow(flow.url, words, {
    cwd: folder,
    env,
    ...(input === undefined ? {} : { input }),
  });
  return { ...result, asked: flow.asked.slice(before) };
}

const act = (perform: string, params: object = {}) => ({ action: { perform, params } });

describe("what oneflow asks of the server", () => {
  it.each<[string, readonly (readonly [string, string, unknown?])[]]>([
    [
      "delete 5",
      [
        ["GET", "/service/5"],
        ["DELETE", "/service/5"],
      ],
    ],
    ["shutdown 5", [["POST", "/service/5/action", act("shutdown")]]],
    [
      "recover 5",
      [
        ["GET", "/service/5"],
        ["POST", "/service/5/action", act("recover", { delete: false })],
      ],
    ],
    [
      "recover 5 --delete",
      [
        ["GET", "/service/5"],
        ["POST", "/service/5/action", act("recover", { delete: true })],
      ],
    ],
    ["release 5", [["POST", "/service/5/action", act("release")]]],
    [
      "scale 5 worker 3",
      [["POST", "/service/5/scale", { cardinality: 3, force: false, role_name: "worker" }]],
    ],
    [
      "scale 5 worker 30 --force",
      [["POST", "/service/5/scale", { cardinality: 30, force: true, role_name: "worker" }]],
    ],
    ["chown 5 3", [["POST", "/service/5/action", act("chown", { owner_id: "3" })]]],
    ["chown 5 3 1", [["POST", "/service/5/action", act("chown", { owner_id: "3", group_id: "1" })]]],
    ["chown 5 bob users", [["POST", "/service/5/action", act("chown", { owner_id: "3", group_id: "1" })]]],
    ["chgrp 5 1", [["POST", "/service/5/action", act("chgrp", { group_id: "1" })]]],
    ["chmod 5 640", [["POST", "/service/5/action", act("chmod", { octet: "640" })]]],
    ["rename 5 web", [["POST", "/service/5/action", act("rename", { name: "web" })]]],
    ["service-action 5 suspend", [["POST", "/service/5/action", act("suspend")]]],
    [
      "service action 5 snapshot-create -p 60 -n 2 --args before",
      [["POST", "/service/5/action", act("snapshot-create", { period: 60, number: 2, args: "before" })]],
    ],
    ["sched-delete 5 3", [["DELETE", "/service/5/sched_action/3"]]],
    ["remove-role 5 worker", [["POST", "/service/5/role_action", act("remove_role", { role: "worker" })]]],
    [
      "add-role 5 part.json",
      [["POST", "/service/5/role_action", act("add_role", { role: { description: "new" } })]],
    ],
    ["update 5 whole.json", [["PUT", "/service/5", '{ /* whole */ "name": "web", "roles": [] }']]],
    [
      "update 5 part.json",
      [["PUT", "/service/5", { append: true, template: '{"description": "new"} // as in the guide' }]],
    ],
    ["purge-done", [["POST", "/service_pool/purge_done"]]],
  ])("oneflow %s", async (line, expected) => {
    const { asked, ...result } = await requestsOf(`oneflow ${line}`);
    expect(asked).toEqual(expected);
    expect(result).toEqual({ code: 0, out: "", err: "" });
  });

  it("finds a service by its name: the one that lives, where one that is done bears it too", async () => {
    const pool = JSON.stringify({
      DOCUMENT_POOL: {
        DOCUMENT: [
          { ID: "9", NAME: "web", TEMPLATE: { BODY: { state: 2 } } },
          { ID: "8", NAME: "web", TEMPLATE: { BODY: { state: 5 } } },
          { ID: "7", NAME: "twice", TEMPLATE: { BODY: { state: 2 } } },
          { ID: "6", NAME: "twice", TEMPLATE: { BODY: { state: 9 } } },
        ],
      },
    });
    const named = await startScriptedFlow({ "GET /service": pool, "POST /service/9/action": NONE });
    expect(await runFlow(named.url, ["oneflow", "release", "web"])).toEqual({ code: 0, out: "", err: "" });
    expect(named.asked.at(-1)).toEqual(["POST", "/service/9/action", act("release")]);
    expect((await runFlow(named.url, ["oneflow", "release", "twice"])).err).toBe(
      "oneflow: There are multiple SERVICEs with name twice: use an id of 7, 6.\n",
    );
    await named.close();
  });

  it("role names are escaped in paths", async () => {
    const { asked } = await requestsOf(["oneflow", "action", "5", "a/b", "reboot", "--period", "300"]);
    expect(asked).toEqual([["POST", "/service/5/role/a%2Fb/action", act("reboot", { period: 300 })]]);
    const { asked: deleted } = await requestsOf(["oneflow", "sched-delete", "5", "a/b", "3"]);
    expect(deleted).toEqual([["DELETE", "/service/5/role/a%2Fb/sched_action/3"]]);
  });

  it("names itself as OpenNebula's commands do, and proves who asks", async () => {
    await requestsOf("oneflow release 5");
    expect(flow.heads.at(-1)).toMatchObject({
      "user-agent": "OpenNebula 7.0.0 (CLI)",
      authorization: `Basic ${Buffer.from("alice:alicepw").toString("base64")}`,
    });
  });
});

describe("what oneflow-template asks of the server", () => {
  it.each<[string, readonly (readonly [string, string, unknown?])[]]>([
    ["delete 5", [["DELETE", "/service_template/5"]]],
    ["delete 5 --delete-vm-templates", [["DELETE", "/service_template/5", { delete_type: "templates" }]]],
    ["delete 5 --delete-images", [["DELETE", "/service_template/5", { delete_type: "all" }]]],
    ["update 5 whole.json", [["PUT", "/service_template/5", '{ /* whole */ "name": "web", "roles": [] }']]],
    [
      "update 5 whole.json --append",
      [
        [
          "POST",
          "/service_template/5/action",
          act("update", { append: true, template_json: '{ /* whole */ "name": "web", "roles": [] }' }),
        ],
      ],
    ],
  ])("oneflow-template %s", async (line, expected) => {
    const { asked, ...result } = await requestsOf(`oneflow-template ${line}`);
    expect(asked).toEqual(expected);
    expect(result).toEqual({ code: 0, out: "", err: "" });
  });

  it.each<[string, object]>([
    ["clone 8 copy", act("clone", { name: "copy", recursive: "none" })],
    ["clone 8 copy -R", act("clone", { name: "copy", recursive: "all" })],
    ["clone 8 copy --recursive-templates", act("clone", { name: "copy", recursive: "templates" })],
    ["instantiate 8", act("instantiate")],
    ["instantiate 8 part.json", act("instantiate", { merge_template: { description: "new" } })],
    [
      "instantiate 8 --name web --network Public=0 --network Priv=reserve_from:2:SIZE=5",
      act("instantiate", {
        merge_template: {
          networks_values: [{ Public: { id: "0" } }, { Priv: { reserve_from: "2", extra: "SIZE=5" } }],
          name: "web",
        },
      }),
    ],
    [
      "instantiate 8 --input A=x=y --input worker.B=2 --input worker.C=3",
      act("instantiate", {
        merge_template: {
          user_inputs_values: { A: "x=y" },
          roles: [{ name: "worker", user_inputs_values: { B: "2", C: "3" } }],
        },
      }),
    ],
  ])("oneflow-template %s, and it prints the id", async (line, body) => {
    const { asked, ...result } = await requestsOf(`oneflow-template ${line}`);
    expect(asked).toEqual([["POST", "/service_template/8/action", body]]);
    expect(result).toEqual({ code: 0, out: "ID: 347\n", err: "" });
  });

  it("creates of the text as it is, comments and all, and passes on what the server warns of", async () => {
    const text = '{"name": "web", // a comment\n "roles": []}';
    const { asked, ...result } = await requestsOf("oneflow-template create", text);
    expect(asked).toEqual([["POST", "/service_template", text]]);
    expect(result).toEqual({ code: 0, out: "ID: 347\n", err: "Warning: color is no attribute\n" });
  });

  it("makes several, each with its number", async () => {
    const { asked, out } = await requestsOf("oneflow-template instantiate 8 -m 2 --name w-%i");
    expect(asked.map(([, , body]) => body)).toEqual([
      act("instantiate", { merge_template: { name: "w-0" } }),
      act("instantiate", { merge_template: { name: "w-1" } }),
    ]);
    expect(out).toBe("ID: 347\nID: 347\n");
  });
});

describe("what fails", () => {
  it("prints the server's words, and ends with the status modulo 256", async () => {
    expect(await requestsOf("oneflow show 6")).toMatchObject({
      code: 148,
      out: "",
      err: "[one.document.info] Error getting document [6].\n",
    });
  });

  it("gives the other objects their turn", async () => {
    const { asked, code, out, err } = await requestsOf("oneflow delete 5..7 -v");
    expect(asked.map(([method, path]) => `${method} ${path}`)).toEqual([
      ...["GET /service/5", "DELETE /service/5", "GET /service/6", "GET /service/7", "DELETE /service/7"],
    ]);
    expect({ code, out, err }).toEqual({
      code: 148,
      out: "SERVICE 5: deleted\nSERVICE 7: deleted\n",
      err: "[one.document.info] Error getting document [6].\n",
    });
  });

  it.each<[string, string]>([
    ["oneflow scale 5 worker x", "oneflow: Cardinality must be an integer number\n"],
    ["oneflow sched-delete 5 worker x", "oneflow: Scheduled action ID must be an integer number\n"],
    [
      "oneflow action 5 worker rebot",
      "oneflow: Action 'rebot' is not supported (did you mean reboot?). Supp",
    ],
    ["oneflow chmod 5 zzz", 'oneflow: "zzz" are no permissions; they look like 640.\n'],
    ["oneflow delete nosuch", "oneflow: SERVICE named nosuch not found.\n"],
    ["oneflow show 5 -j -y", "oneflow: --json and --yaml cannot both be given.\n"],
    ["oneflow chown 5 nobody", "oneflow: USER named nobody not found.\n"],
    ["oneflow lst", "error: unknown command 'lst'\n(Did you mean list?)"],
    ["oneflow list --dely 3", "error: unknown option '--dely'\n(Did you mean --delay?)"],
    ["oneflow-template instantiate 8 --network Public", 'oneflow-template: --network "Public" is no network'],
    ["oneflow-template instantiate 8 --input secret", "oneflow-template: --input is no user input: it looks"],
    [
      "oneflow-template clone 5 x -R --recursive-templates",
      "oneflow-template: --recursive and --recursive-t",
    ],
  ])("%s ends with 255, and nothing is done", async (line, message) => {
    const { code, err, asked } = await requestsOf(line);
    expect({ code, err: err.slice(0, message.length) }).toEqual({ code: 255, err: message });
    expect(asked.filter(([method]) => method !== "GET")).toEqual([]);
  });

  it("a document of the other kind is no service", async () => {
    const other = await startScriptedFlow({ "GET /service/5": TEMPLATE, "DELETE /service/5": NONE });
    const { code, err } = await runFlow(other.url, ["oneflow", "delete", "5"]);
    expect({ code, err }).toEqual({ code: 255, err: "oneflow: Document 5 is not a service.\n" });
    expect(other.asked).toEqual([["GET", "/service/5"]]);
    await other.close();
  });

  it("tells what to do where nobody answers, and whose credentials were refused", async () => {
    const gone = await startScriptedFlow({ "GET /service": { status: 401, body: "Invalid credentials" } });
    expect(await runFlow(gone.url, ["oneflow", "list"])).toEqual({
      code: 145,
      out: "",
      err: "Invalid credentials\nThe user and password are those of ONEFLOW_USER and ONEFLOW_PASSWORD.\n",
    });
    await gone.close();
    const { code, err } = await runFlow(gone.url, ["oneflow", "list"]);
    expect(code).toBe(255);
    expect(err).toContain(`Cannot connect to ${gone.url}: the connection was refused. Start the house with`);
  });

  it("asks for ids where no core answers that knows the names", async () => {
    const closed = await startScriptedCore({});
    await closed.close();
    const env = {
      ONEFLOW_URL: flow.url,
      ONEFLOW_USER: "a",
      ONEFLOW_PASSWORD: "b",
      ONE_XMLRPC: closed.endpoint,
    };
    const { code, err } = await runFlow(flow.url, ["oneflow", "chown", "5", "bob"], { env });
    expect(code).toBe(255);
    expect(err).toContain("USER bob must be given by its id: no core answers that could look the name up");
  });
});
