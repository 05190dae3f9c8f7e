import { describe, expect, it } from "vitest";
import { parseMetricsCsv } from "../../gateway/oneflow/elasticity/metrics-csv.ts";
import type { ElasticRole } from "../../gateway/oneflow/elasticity/policy.ts";
import { simulate } from "../../gateway/oneflow/elasticity/simulate.ts";
import { createPolicyTexts } from "../../gateway/oneflow/elasticity/texts.ts";

const ROLE: ElasticRole = {
  name: "frontend",
  cardinality: 2,
  min_vms: 1,
  max_vms: 5,
  cooldown: 60,
  elasticity_policies: [
    { expression: "CPU > 50", type: "CHANGE", adjust: 1 },
    { expression: "CPU < 20", type: "CHANGE", adjust: -1 },
  ],
};
const OPTIONS = { texts: createPolicyTexts("UTC"), defaultCooldown: 300, interval: 30 };

function csv(...lines: string[]) {
  return parseMetricsCsv(lines.join("\n"), "UTC");
}

describe("a simulation", () => {
  it("grows and shrinks as the recorded metrics ask, with cooldowns between", () => {
    const metrics = csv("time,CPU", "0,60", "200,30", "300,10", "420,10");
    const { roles, steps } = simulate([ROLE], metrics, OPTIONS);
    expect(roles[0]?.cardinalities).toEqual([
      { at: 0, cardinality: 2 },
      { at: 0, cardinality: 3 },
      { at: 60_000, cardinality: 4 },
      { at: 120_000, cardinality: 5 },
      { at: 300_000, cardinality: 4 },
      { at: 360_000, cardinality: 3 },
      { at: 420_000, cardinality: 2 },
    ]);
    expect(steps).toHaveLength(15);
    expect(steps[1]).toMatchObject({ at: 30_000, state: "COOLDOWN", cardinality: 3, scaling: undefined });
  });

  it("gives recorded VMs to the role in their order, and nothing to those that come later", () => {
    const metrics = csv("time,vm,CPU", "0,41,45", "0,42,60", "300,41,45");
    const { steps } = simulate([ROLE], metrics, OPTIONS);
    const last = steps.at(-1)?.explanation.policies[0];
    expect(last).toMatchObject({ readings: [{ value: 52.5, vms: 2, of: 5 }], evaluated: "CPU[52.5] > 50" });
  });

  it("lets one role scale while the others wait", () => {
    const other = { ...ROLE, name: "worker" };
    const metrics = csv("time,role,CPU", "0,frontend,60", "0,worker,60", "60,worker,60");
    const { steps } = simulate([ROLE, other], metrics, { ...OPTIONS, scalingSeconds: 30 });
    expect(steps.map(({ role, state, scaling }) => [role, state, scaling?.cardinality])).toEqual([
      ["frontend", "RUNNING", 3],
      ["worker", "SCALING", undefined],
      ["frontend", "COOLDOWN", undefined],
      ["worker", "COOLDOWN", undefined],
      ["frontend", "COOLDOWN", undefined],
      ["worker", "COOLDOWN", undefined],
    ]);
  });

  it("restores the minimum of one role at a look, though it takes no time", () => {
    const short = { name: "a", cardinality: 1, min_vms: 2 };
    const roles = [short, { ...short, name: "b" }];
    const { steps } = simulate(roles, [], { ...OPTIONS, fromMs: 0, toMs: 30_000 });
    expect(steps.map(({ role, at, scaling }) => [role, at, scaling?.cardinality])).toEqual([
      ["a", 0, 2],
      ["b", 0, undefined],
      ["a", 30_000, undefined],
      ["b", 30_000, 2],
    ]);
  });

  it("knows functions over time and names with a place", () => {
    const policy = { type: "CHANGE", adjust: 1, expression: "avg(MONITORING.CPU, 1m) > 50" } as const;
    const metrics = csv("time,MONITORING.CPU", "0,20", "30,60", "60,60");
    const { steps } = simulate([{ ...ROLE, elasticity_policies: [policy] }], metrics, OPTIONS);
    const evaluated = steps.map(({ explanation: { policies } }) =>
      policies.map((one) => "evaluated" in one && one.evaluated),
    );
    expect(evaluated.flat()).toEqual([20, 40, 60].map((mean) => `avg(MONITORING.CPU, 1m)[${mean}.0] > 50`));
  });

  it("gives the same for the same, and leaves what it was given as it is", () => {
    const metrics = csv("time,CPU", "0,60", "500,60");
    const role = structuredClone(ROLE);
    expect(simulate([role], metrics, OPTIONS)).toEqual(simulate([role], metrics, OPTIONS));
    expect(role).toEqual(ROLE);
  });

  it("has an end", () => {
    expect(() => simulate([ROLE], [], OPTIONS)).toThrow("There is nothing to replay");
    const span = { fromMs: 0, toMs: 1e12 };
    expect(() => simulate([ROLE], [], { ...OPTIONS, ...span, interval: 1 })).toThrow(
      /allowed are 1000000 looks/,
    );
    expect(() => simulate([ROLE], [], { ...OPTIONS, ...span, interval: 0 })).toThrow(/is no simulation/);
  });
});

describe("a table of metrics", () => {
  it("has times, roles, VMs and metrics; empty cells say nothing", () => {
    expect(
      csv('Timestamp,role,vm,cpu,"USER_TEMPLATE.load"', '2026-11-20 10:00,a,7,"1,5",', "", "5.5,,,,2"),
    ).toEqual([
      { at: Date.UTC(2026, 10, 20, 10), role: "a", vm: 7, key: "CPU", text: "1,5" },
      { at: 5_500, role: undefined, vm: undefined, key: "USER_TEMPLATE.LOAD", text: "2" },
    ]);
  });

  it.each([
    [["CPU", "1"], "Line 1 of the metrics cannot be read: the head needs a column time."],
    [
      ["time,a b", "1,2"],
      'Line 1 of the metrics cannot be read: column 2, "a b", is neither time, role, vm nor the name of a metric.',
    ],
    [["time,CPU", "1"], "Line 2 of the metrics cannot be read: it has 1 cells, and the head 2."],
    [["time,CPU", "1,2", "soon,2"], 'Line 3 of the metrics cannot be read: "soon" is no time.'],
    [["time,vm,CPU", "1,-4,2"], 'Line 2 of the metrics cannot be read: "-4" is no number of a VM.'],
    [["time,CPU", '1,"2'], "Line 2 of the metrics cannot be read: a quote does not end where its cell does."],
  ])("%j is refused", (lines, sentence) => {
    expect(() => csv(...lines)).toThrow(sentence);
  });
});
