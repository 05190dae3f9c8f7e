import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { runFlow, type ScriptedFlow, startScriptedFlow } from "../support/flow-command.ts";
import { scratchDirectory } from "../support/house.ts";

/** `oneflow explain` and `oneflow simulate`. */

const EXPLAINED = {
  service: 5,
  name: "web",
  state: "RUNNING",
  at: 1_700_000_000,
  roles: [
    { role: "front", cardinality: 1, policies: [], restores_minimum: false },
    {
      role: "worker",
      cardinality: 2,
      min_vms: 1,
      max_vms: 5,
      restores_minimum: false,
      next_look: 1_700_000_007,
      policies: [
        {
          kind: "scheduled",
          index: 0,
          mode: "act",
          would: undefined,
          prevention: { reason: "not_due", next: 1_700_000_060 },
          cooldown: 5,
          policy: { type: "CARDINALITY", adjust: 4, recurrence: "0 9 * * *" },
        },
        {
          kind: "elasticity",
          index: 0,
          mode: "observe",
          would: 4,
          prevention: { reason: "not_true_long_enough", evals: 1, needed: 3 },
          cooldown: 20,
          policy: { type: "CHANGE", adjust: 2, expression: "ATT > 50" },
          readings: [
            {
              key: "ATT",
              value: 60,
              vms: 1,
              of: 2,
              ignored: [{ vm_id: 8, place: "USER_TEMPLATE", text: "n/a\u001b[31m", reason: "no_number" }],
              ignored_count: 3,
            },
          ],
          evaluated: "ATT[60.0] > 50",
          verdict: "true",
          true_evals: 1,
          period_number: 3,
        },
      ],
    },
  ],
};

const TEMPLATE = {
  name: "web",
  roles: [
    {
      name: "worker",
      cardinality: 1,
      min_vms: 1,
      max_vms: 4,
      elasticity_policies: [
        { type: "CHANGE", adjust: 2, expression: "CPU > 80", cooldown: 60 },
        { type: "CHANGE", adjust: -1, expression: "CPU < 20", cooldown: 60 },
      ],
    },
  ],
};

/** Busy for a quarter of an hour, then idle for as long. */
const CSV = [
  "time,role,vm,CPU",
  ...Array.from(
    { length: 30 },
    (_, minute) => `${1_700_000_000 + minute * 60},worker,,${minute < 15 ? 90 : 10}`,
  ),
].join("\n");

let flow: ScriptedFlow;
const scratch = scratchDirectory("simulate");

beforeAll(async () => {
  const document = { ID: "5", NAME: "web", TYPE: "100", TEMPLATE: { BODY: { ...TEMPLATE, state: 2 } } };
  flow = await startScriptedFlow({
    "GET /service": JSON.stringify({ DOCUMENT_POOL: { DOCUMENT: [document] } }),
    "GET /service/5": JSON.stringify({ DOCUMENT: document }),
    "GET /service/5/explain": JSON.stringify(EXPLAINED),
    "GET /service/5/role/worker/explain": JSON.stringify(EXPLAINED),
    "GET /service/5/metrics?last=2h": CSV,
    "GET /service/6/explain": "no JSON",
  });
  writeFileSync(join(scratch.path, "web.json"), `${JSON.stringify(TEMPLATE)} // as in the guide`);
  writeFileSync(join(scratch.path, "cpu.csv"), CSV);
});

afterAll(async () => {
  await flow.close();
  scratch.remove();
});

beforeEach(() => void vi.stubEnv("TZ", "UTC"));
afterEach(() => void vi.unstubAllEnvs());

const run = (line: string, more: Parameters<typeof runFlow>[2] = {}) =>
  runFlow(flow.url, line.split(" "), { cwd: scratch.path, ...more });

describe("explain", () => {
  it("tells per policy the values, the periods, what would happen, and what prevents it", async () => {
    const { out, code } = await run("oneflow explain web worker");
    expect(code).toBe(0);
    expect(out).toBe(`SERVICE 5 web is RUNNING.

ROLE front: 1 VM
    policies   none

ROLE worker: 2 VMs, at least 1, at most 5
    next look  in 7 s

  Scheduled policy 0: 0 9 * * *  =>  = 4
    would      stay at 2
    but        it occurs in 60 s

  Policy 0: ATT > 50  =>  + 2
    mode       observe
    now        ATT[60.0] > 50: true
    reading    ATT is 60, of 1 of 2 VMs
    ignored    ATT of VM 8 in USER_TEMPLATE, "n/a\\u001b[31m": no number
    ignored    2 more of ATT
    true       1 of 3 periods
    would      go to 4, then rest for 20 s
    but        it has been true for 1 of 3 periods
`);
  });

  it("gives JSON as it came, and says when what answers explains nothing", async () => {
    const { out } = await run("oneflow explain 5 --json");
    expect(JSON.parse(out)).toEqual(JSON.parse(JSON.stringify(EXPLAINED)));
    const failed = await run("oneflow explain 6");
    expect([failed.code, failed.err]).toEqual([
      255,
      "oneflow: What answers explains no scaling: explain needs the OneFlow of a Gatehouse.\n",
    ]);
  });
});

describe("simulate", () => {
  it("prints the scaling as a table and a plot that fits the terminal", async () => {
    const { out, code } = await run("oneflow simulate web.json --metrics cpu.csv --interval 60", {
      columns: 40,
    });
    expect(code).toBe(0);
    const lines = out.trimEnd().split("\n");
    for (const line of lines.slice(-8)) expect(line.length).toBeLessThanOrEqual(60);
    expect(lines.filter((line) => /^11\/14/.test(line)).map((line) => line.split(/\s+/).slice(2))).toEqual([
      ["worker", "1", "3", "60s", "CPU[90.0]", ">", "80"],
      ["worker", "3", "4", "60s", "CPU[90.0]", ">", "80"],
      ["worker", "4", "3", "60s", "CPU[10.0]", "<", "20"],
      ["worker", "3", "2", "60s", "CPU[10.0]", "<", "20"],
      ["worker", "2", "1", "60s", "CPU[10.0]", "<", "20"],
    ]);
    expect(lines.filter((line) => line.includes("|"))).toHaveLength(4);
  });

  it("takes policies and history from a service", async () => {
    const { out } = await run("oneflow simulate --from-service web --last 2h --interval 60 --json");
    expect(JSON.parse(out)).toMatchObject({
      looks: 30,
      scalings: [{ from: 1, to: 3, policy: "CPU > 80" }, { to: 4 }, { to: 3 }, { to: 2 }, { to: 1 }],
    });
  });

  it.each([
    ["web.json", "Either --metrics or --from-service must be given: what is to be replayed."],
    ["web.json --metrics cpu.csv --last 1h", "--last is only of use with --from-service."],
    [
      "web.json --metrics cpu.csv --interval 0",
      '--interval is "0"; it is a whole number of seconds, at least 1.',
    ],
    ["web.json --metrics cpu.csv --role db", "The template has no role db."],
    ["web.json --metrics none.csv", "cannot be read"],
    ["web.json --metrics web.json", "Line 1 of the metrics cannot be read"],
  ])("refuses %s", async (line, sentence) => {
    const { code, err } = await run(`oneflow simulate ${line}`);
    expect(code).toBe(255);
    expect(err).toContain(sentence);
  });
});
