import { afterEach, describe, expect, it } from "vitest";
import { flowEndpoint, flowSession } from "../../gateway/cli/flow/access.ts";
import type { Person } from "../../gateway/cli/flow/person.ts";
import { useAccessScratch } from "../support/access-scratch.ts";
import { runFlow, type ScriptedFlow, startScriptedFlow } from "../support/flow-command.ts";

const scratch = useAccessScratch();
let flow: ScriptedFlow | undefined;

afterEach(async () => {
  await flow?.close();
});

describe("the endpoint of OneFlow", () => {
  it("is what stands nearest: option, ONEFLOW_URL, the house, ~/.one/oneflow_endpoint, the default", () => {
    expect(flowEndpoint(scratch.context(), {})).toBe("http://localhost:2474");
    scratch.plant("me/.one/oneflow_endpoint", "http://mine:2474\n");
    expect(flowEndpoint(scratch.context(), {})).toBe("http://mine:2474");
    scratch.plant("var/run.json", JSON.stringify({ pid: 1, oneflow: "http://127.0.0.1:7777" }));
    expect(flowEndpoint(scratch.context(), {})).toBe("http://127.0.0.1:7777");
    const named = scratch.context({ ONEFLOW_URL: "https://one/flow/" });
    expect(flowEndpoint(named, {})).toBe("https://one/flow");
    expect(flowEndpoint(named, { server: "http://two" })).toBe("http://two");
  });

  it.each(["localhost:2474", "file:///etc/passwd", "http://x/?a=b"])("is never %s", (url) => {
    expect(() => flowEndpoint(scratch.context({ ONEFLOW_URL: url }), {})).toThrow(
      `ONEFLOW_URL is "${url}", which is`,
    );
  });

  it("holds no credentials, which the message does not repeat", () => {
    const message = "--server holds a user or password; give them with ONEFLOW_USER and ONEFLOW_PASSWORD.";
    expect(() => flowEndpoint(scratch.context(), { server: "http://a:secret@b" })).toThrow(message);
  });
});

describe("who asks OneFlow", () => {
  it("is said by options, ONEFLOW_USER, or what the admin commands use", () => {
    scratch.plant("var/one_auth", "oneadmin:house\n");
    expect(flowSession(scratch.context(), {}).text).toBe("oneadmin:house");
    const named = scratch.context({ ONEFLOW_USER: "alice", ONEFLOW_PASSWORD: "pw" });
    expect(flowSession(named, {})).toEqual({
      text: "alice:pw",
      origin: "ONEFLOW_USER and ONEFLOW_PASSWORD",
    });
    expect(flowSession(named, { username: "bob" }).text).toBe("bob:pw");
    expect(flowSession(scratch.context(), { username: "bob", password: "x" }).text).toBe("bob:x");
  });

  it("needs a name and a password", () => {
    expect(() => flowSession(scratch.context({ ONEFLOW_USER: "alice" }), {})).toThrow(
      "are only of use together.",
    );
    expect(() => flowSession(scratch.context(), { username: "a:b", password: "x" })).toThrow("holds a colon");
  });
});

interface Asked {
  readonly questions: string[];
  readonly drafts: string[];
  readonly discarded: string[];
  readonly person: Person;
}

/** Somebody who gives these answers, and changes drafts so. */
function person(answers: readonly string[], change: (draft: string) => string = (draft) => draft): Asked {
  const [questions, drafts, discarded]: [string[], string[], string[]] = [[], [], []];
  const left = [...answers];
  return {
    questions,
    drafts,
    discarded,
    person: {
      ask: async (question, { secret = false } = {}) => {
        questions.push(secret ? `secret ${question}` : question);
        return left.shift() ?? "";
      },
      edit: async (draft) => {
        drafts.push(draft);
        return { text: change(draft), file: "/tmp/draft", discard: () => void discarded.push(draft) };
      },
    },
  };
}

const DOCUMENT = (body: object, type: string) =>
  JSON.stringify({ DOCUMENT: { ID: "5", NAME: "web", TYPE: type, TEMPLATE: { BODY: body } } });

const TEMPLATE = {
  name: "web",
  networks: { Public: "M|network|Outer||id:0", Priv: "M|network|Inner||" },
  user_inputs: {
    SIZE: "M|range|How much|1..9|2",
    NOTE: "O|text|||",
    PASSWORD: "M|password|||",
    KIND: "O|fixed|||x",
    KEY: "O|text64|||",
    GIVEN: "M|text|||",
  },
  roles: [{ name: "worker", user_inputs: { THREADS: "M|number|||" } }],
};

describe("instantiate on a terminal", () => {
  it("asks for what has no value yet, again where one is needed, and leaves defaults to the server", async () => {
    flow = await startScriptedFlow({
      "GET /service_template/5": DOCUMENT(TEMPLATE, "101"),
      "POST /service_template/5/action": { status: 201, body: DOCUMENT({}, "100") },
    });
    const asked = person(["", "", "", "s3cret", "text", "8", "", "x", "reserve_from:2"]);
    const line = ["oneflow-template", "instantiate", "5", "--input", "GIVEN=1"];
    expect(await runFlow(flow.url, line, { person: asked.person })).toEqual({
      code: 0,
      out: "ID: 5\n",
      err: "",
    });
    expect(asked.questions).toEqual([
      "SIZE (How much) {1..9} [2]: ",
      "NOTE [none]: ",
      "secret PASSWORD: ",
      "secret PASSWORD: ",
      "KEY [none]: ",
      "worker.THREADS: ",
      "Network Public (Outer) {id of a network, or template_id:1, or reserve_from:2} [id:0]: ",
      "Network Priv (Inner) {id of a network, or template_id:1, or reserve_from:2}: ",
      "Network Priv (Inner) {id of a network, or template_id:1, or reserve_from:2}: ",
    ]);
    const merge_template = {
      user_inputs_values: { GIVEN: "1", PASSWORD: "s3cret", KEY: "dGV4dA==" },
      roles: [{ name: "worker", user_inputs_values: { THREADS: "8" } }],
      networks_values: [{ Priv: { reserve_from: "2" } }],
    };
    expect(flow.asked.at(-1)?.[2]).toEqual({
      action: { perform: "instantiate", params: { merge_template } },
    });
  });
});

describe("update in an editor", () => {
  const RUNNING = {
    name: "web",
    state: 2,
    start_time: 7,
    log: [],
    roles: [{ name: "a", max_vms: 3, state: 2, nodes: [], last_vmname: 1 }],
  };

  it("opens on what can be changed of a service, and sends what was written", async () => {
    flow = await startScriptedFlow({
      "GET /service/5": { body: DOCUMENT(RUNNING, "100"), headers: { etag: '"1"' } },
      "PUT /service/5": { status: 204 },
    });
    const asked = person([], (draft) => draft.replace("3", "4"));
    expect((await runFlow(flow.url, ["oneflow", "update", "5"], { person: asked.person })).code).toBe(0);
    expect(JSON.parse(asked.drafts[0] ?? "")).toEqual({ name: "web", roles: [{ name: "a", max_vms: 3 }] });
    expect(flow.asked.at(-1)?.[2]).toEqual({ name: "web", roles: [{ name: "a", max_vms: 4 }] });
    expect(flow.heads.at(-1)?.["if-match"]).toBeUndefined();
    expect(asked.discarded).toHaveLength(1);
  });

  it("overwrites no template that somebody else has changed meanwhile, and keeps what was written", async () => {
    flow = await startScriptedFlow({
      "GET /service_template/5": { body: DOCUMENT(TEMPLATE, "101"), headers: { etag: '"1"' } },
      "PUT /service_template/5": ({ headers }) => ({ status: 412, body: `not ${headers["if-match"]}` }),
    });
    const asked = person([], (draft) => draft.replace("web", "other"));
    expect(await runFlow(flow.url, ["oneflow-template", "update", "5"], { person: asked.person })).toEqual({
      code: 412 % 256,
      out: "",
      err: 'What you wrote is kept in /tmp/draft\nnot "1"\n',
    });
    expect(asked.discarded).toEqual([]);
  });

  it("does nothing when nothing was changed", async () => {
    flow = await startScriptedFlow({ "GET /service/5": DOCUMENT(RUNNING, "100") });
    const { out } = await runFlow(flow.url, ["oneflow", "update", "5"], { person: person([]).person });
    expect({ out, asked: flow.asked.length }).toEqual({ out: "Nothing was changed.\n", asked: 1 });
  });
});
