import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { fakeTerminal } from "../support/fake-terminal.ts";
import { type FlowReply, runFlow, type ScriptedFlow, startScriptedFlow } from "../support/flow-command.ts";
import { hurriedClock } from "../support/hurried-clock.ts";

/** PENDING, DEPLOYING, RUNNING, ... of the service and its one role, with so many VMs of three. */
interface Step {
  readonly state: number;
  readonly role: number;
  readonly nodes: number;
  readonly log: readonly string[];
}

const DEPLOYING: Step = { state: 1, role: 1, nodes: 0, log: ["New state: DEPLOYING"] };
const GROWING: Step = { ...DEPLOYING, nodes: 2 };
const RUNNING: Step = { state: 2, role: 2, nodes: 3, log: [...DEPLOYING.log, "New state: RUNNING"] };
const FAILED: Step = { ...GROWING, state: 7, role: 7, log: [...DEPLOYING.log, "VM 4 failed"] };

let flow: ScriptedFlow | undefined;

beforeEach(() => void vi.stubEnv("TZ", "UTC"));
afterEach(async () => {
  vi.unstubAllEnvs();
  await flow?.close();
});

function bodyOf({ state, role, nodes, log }: Step): string {
  const BODY = {
    state,
    roles: [{ name: "worker", state: role, cardinality: 3, nodes: Array(nodes).fill({ deploy_id: 1 }) }],
    log: log.map((message) => ({ timestamp: 1_795_177_377, severity: "I", message })),
  };
  return JSON.stringify({ DOCUMENT: { ID: "5", NAME: "web", TYPE: "100", TEMPLATE: { BODY } } });
}

/** A server that goes a step on with each request that waits; "gone" when there is none left. */
async function serve(steps: readonly Step[], tagged = true): Promise<ScriptedFlow> {
  let at = 0;
  const reply = (): FlowReply => {
    const step = steps[at];
    if (step === undefined) return { status: 404, body: "[one.document.info] Error getting document [5]." };
    return { body: bodyOf(step), headers: tagged ? { etag: `"${at}"` } : {} };
  };
  const next = (): FlowReply => {
    at += 1;
    return reply();
  };
  flow = await startScriptedFlow({ "GET /service/5": reply, "GET /service/5?wait=30": next });
  return flow;
}

const LINES = [
  "11/20/26 12:22 [I] New state: DEPLOYING",
  "SERVICE 5 web: DEPLOYING",
  "worker  DEPLOYING          [                    ] 0/3",
  "worker  DEPLOYING          [=============       ] 2/3",
  "11/20/26 12:22 [I] New state: RUNNING",
  "SERVICE 5 web: RUNNING",
  "worker  RUNNING            [####################] 3/3",
];

describe("show --watch", () => {
  it("prints what is new, until the service rests, and waits for news with the tag that it has", async () => {
    const { url, heads } = await serve([DEPLOYING, GROWING, RUNNING]);
    const result = await runFlow(url, ["oneflow", "show", "5", "--watch"]);
    expect(result).toEqual({ code: 0, out: `${LINES.join("\n")}\n`, err: "" });
    expect(heads.map((each) => each["if-none-match"])).toEqual([undefined, '"0"', '"1"']);
  });

  it("ends at once for a service that rests", async () => {
    const { url, asked } = await serve([RUNNING]);
    expect((await runFlow(url, ["oneflow", "show", "5", "-w"])).code).toBe(0);
    expect(asked).toHaveLength(1);
  });

  it("fails when the service has", async () => {
    const { url } = await serve([GROWING, FAILED]);
    const { code, out } = await runFlow(url, ["oneflow", "show", "5", "--watch"]);
    expect(code).toBe(255);
    expect(out).toMatch(/\[I\] VM 4 failed\nSERVICE 5 web: FAILED_DEPLOYING\nworker {2}FAILED_DEPLOYING /);
  });

  it("ends when the service is gone", async () => {
    const { url } = await serve([{ ...RUNNING, state: 3, role: 3 }]);
    const { code, out } = await runFlow(url, ["oneflow", "show", "5", "--watch"]);
    expect({ code, last: out.split("\n").at(-2) }).toEqual({ code: 0, last: "SERVICE 5 is gone." });
  });

  it("follows a service that rests on, until it is gone", async () => {
    const { url } = await serve([RUNNING, { ...RUNNING, state: 4, role: 4 }]);
    const { code, out } = await runFlow(url, ["oneflow", "show", "5", "--follow"]);
    expect(code).toBe(0);
    expect(out).toContain("SERVICE 5 web: WARNING\n");
    expect(out).toContain("SERVICE 5 is gone.\n");
  });

  it("asks a server that cannot wait every two seconds", async () => {
    const { url } = await serve([DEPLOYING, DEPLOYING, RUNNING], false);
    const clock = hurriedClock();
    // Its waits end at once, and so would the client's own time-outs.
    const patient = {
      ...clock,
      after: (ms: number, work: () => void) => (ms > 60_000 ? () => {} : clock.after(ms, work)),
    };
    const { code } = await runFlow(url, ["oneflow", "show", "5", "--watch"], { clock: patient });
    expect({ code, waits: clock.waits }).toEqual({ code: 0, waits: [2_000] });
  });

  it("is redrawn on a terminal, and stays on it in the end", async () => {
    const { url } = await serve([DEPLOYING, GROWING, RUNNING]);
    const terminal = fakeTerminal();
    const more = { terminal: () => terminal, columns: 80 };
    const { code, out } = await runFlow(url, ["oneflow", "show", "5", "--watch"], more);
    expect(code).toBe(0);
    expect(terminal.text()).toContain("[=============       ] 2/3");
    expect(terminal.isRaw()).toBe(false);
    expect(out.split("\n")[0]).toBe("SERVICE 5 web: \u001b[32mRUNNING\u001b[0m");
    expect(out).toContain("New state: RUNNING\n");
  });

  it.each([
    ["--watch", DEPLOYING],
    // It has failed already, and was still to be followed.
    ["--follow", FAILED],
  ])("ends with q, while the server waits: %s", async (option, step) => {
    const terminal = fakeTerminal();
    const { promise, resolve } = Promise.withResolvers<FlowReply>();
    flow = await startScriptedFlow({
      "GET /service/5": { body: bodyOf(step), headers: { etag: '"0"' } },
      "GET /service/5?wait=30": () => {
        terminal.press("q");
        return promise;
      },
    });
    const more = { terminal: () => terminal, columns: 80 };
    const { code, out } = await runFlow(flow.url, ["oneflow", "show", "5", option], more);
    expect({ code, isRaw: terminal.isRaw() }).toEqual({ code: 0, isRaw: false });
    expect(out).toContain("DEPLOYING");
    resolve({});
  });
});

describe("top", () => {
  it("redraws the list until q", async () => {
    const terminal = fakeTerminal(60, 10);
    let count = 0;
    flow = await startScriptedFlow({
      "GET /service": () => {
        count += 1;
        if (count === 3) terminal.press("q");
        const DOCUMENT = [{ ID: String(count), NAME: "web", TEMPLATE: { BODY: { state: 2 } } }];
        return { body: JSON.stringify({ DOCUMENT_POOL: { DOCUMENT } }) };
      },
    });
    const more = { terminal: () => terminal, columns: 60 };
    const { code } = await runFlow(flow.url, ["oneflow", "top", "-d", "0.2", "-l", "ID,STAT"], more);
    expect(code).toBe(0);
    expect(terminal.text()).toMatch(/ {3}1 .*RUNNING[\s\S]* {3}2 .*RUNNING/);
    expect(terminal.isRaw()).toBe(false);
  });
});
