import { describe, expect, it } from "vitest";
import { parseReference } from "../../gateway/oneflow/elasticity/expression.ts";
import { RoleReadings } from "../../gateway/oneflow/elasticity/readings.ts";
import { createRecentSamples, MAX_SAMPLES, overTime } from "../../gateway/oneflow/elasticity/samples.ts";
import { elasticRoleExtras, extrasProblem } from "../../gateway/oneflow/elasticity/schema.ts";
import { TIME_FUNCTIONS } from "../../gateway/oneflow/elasticity/syntax.ts";
import { guest, vm } from "../support/elasticity.ts";

function read(readings: RoleReadings, text: string, nowMs = 0) {
  return readings.read(parseReference(text), nowMs);
}

describe("a name", () => {
  const everywhere = {
    USER_TEMPLATE: { X: "1" },
    MONITORING: { X: "2" },
    TEMPLATE: { X: "3" },
    VM: { X: "4" },
  };

  it("is looked for in USER_TEMPLATE, MONITORING, TEMPLATE and the VM, in that order", () => {
    const { USER_TEMPLATE, MONITORING, TEMPLATE, VM } = everywhere;
    const stages = [
      { USER_TEMPLATE, MONITORING, TEMPLATE, VM },
      { MONITORING, TEMPLATE, VM },
      { TEMPLATE, VM },
      { VM },
      {},
    ];
    const readings = new RoleReadings();
    const values = stages.map((places) => {
      readings.set(vm(0, places));
      return read(readings, "x").value;
    });
    expect(values).toEqual([1, 2, 3, 4, undefined]);
  });

  it("may be of one place", () => {
    const readings = new RoleReadings();
    readings.set(vm(0, everywhere));
    const names = ["USER_TEMPLATE.X", "MONITORING.X", "TEMPLATE.X", "VM.X"];
    expect(names.map((name) => read(readings, name).value)).toEqual([1, 2, 3, 4]);
  });

  it("that guests may not supply is not taken from them, unless an expression says so", () => {
    const readings = new RoleReadings({ guestMetrics: ["sessions"] });
    readings.set(vm(0, { USER_TEMPLATE: { CPU: "99", SESSIONS: "7" }, MONITORING: { CPU: "5" } }));
    expect(["CPU", "SESSIONS", "USER_TEMPLATE.CPU"].map((name) => read(readings, name).value)).toEqual([
      5, 7, 99,
    ]);
  });
});

describe("a mean", () => {
  it("is of the VMs that have a value, to two decimals", () => {
    const readings = new RoleReadings();
    for (const [id, att] of ["50", "50", "50.5"].entries()) readings.set(guest(id, { ATT: att }));
    readings.set(guest(3, {}));
    expect(read(readings, "ATT")).toEqual({
      key: "ATT",
      value: 50.17,
      vms: 3,
      of: 4,
      ignored: [],
      ignoredCount: 0,
    });
  });

  it("leaves out VMs that do not count, that are gone, and what is no number, and says so", () => {
    const readings = new RoleReadings();
    const texts = ["10", "NaN", "lots", "1e999", "20", "30"];
    for (const [id, text] of texts.entries()) readings.set(guest(id, { ATT: text }));
    expect(read(readings, "ATT")).toMatchObject({ value: 20, vms: 3, of: 6, ignoredCount: 3 });
    expect(read(readings, "ATT").ignored).toEqual([
      { vmId: 1, place: "USER_TEMPLATE", text: "NaN", reason: "no_number" },
      { vmId: 2, place: "USER_TEMPLATE", text: "lots", reason: "no_number" },
      { vmId: 3, place: "USER_TEMPLATE", text: "1e999", reason: "not_finite" },
    ]);
    readings.remove(5);
    readings.remove(2);
    readings.remove(77);
    readings.set(vm(4, { USER_TEMPLATE: { ATT: "20" } }, false));
    expect(read(readings, "ATT")).toMatchObject({ value: 10, vms: 1, of: 3, ignoredCount: 2 });
  });

  it("is the same however values came and went", () => {
    const changed = new RoleReadings();
    const fresh = new RoleReadings();
    read(changed, "ATT");
    for (let round = 0; round < 100; round += 1) {
      for (let id = 0; id < 7; id += 1)
        changed.set(guest(id, { ATT: String(((round * 7 + id) * 0.1) % 13) }));
      read(changed, "ATT");
    }
    for (let id = 0; id < 7; id += 1) fresh.set(guest(id, { ATT: String(((99 * 7 + id) * 0.1) % 13) }));
    expect(read(changed, "ATT")).toEqual(read(fresh, "ATT"));
  });
});

describe("a function over time", () => {
  const at = (...values: number[]) => values.map((value, index) => ({ at: index * 10_000, value }));

  it.each([
    ["avg", 11.5],
    ["max", 30],
    ["min", 3],
    ["sum", 33],
    ["last", 16.5],
    ["rate", 1],
    ["p95", 30],
  ] as const)("%s", (name, expected) => {
    expect(overTime(name, [at(10, 20, 30), at(3), []])).toBe(expected);
  });

  it("p95 is the value that 95 of 100 do not exceed", () => {
    expect(overTime("p95", [at(...Array.from({ length: 100 }, (_, index) => 100 - index))])).toBe(95);
  });

  it("rate takes a counter that falls for one that began anew", () => {
    expect(overTime("rate", [at(100, 200, 50, 150)])).toBeCloseTo((100 + 50 + 100) / 30);
    expect(overTime("rate", [at(5)])).toBeUndefined();
  });

  it.each(TIME_FUNCTIONS)("%s of nothing is missing", (name) => {
    expect(overTime(name, [[], []])).toBeUndefined();
    expect(read(new RoleReadings(), `${name}(CPU, 5m)`).value).toBeUndefined();
  });

  it("covers its window, up to now and no further, of the VMs that count", () => {
    const samples = createRecentSamples(600_000);
    const readings = new RoleReadings({ history: samples.history });
    readings.set(guest(0, {}));
    readings.set(vm(1, {}, false));
    for (const [at, value] of [
      [0, 1],
      [60_000, 2],
      [120_000, 4],
      [400_000, 99],
    ] as const) {
      samples.note(0, "CPU", { at, value });
      samples.note(1, "CPU", { at, value: 1000 });
    }
    expect(read(readings, "max(CPU, 2m)", 120_000)).toMatchObject({ value: 4, vms: 1, of: 1 });
    expect(read(readings, "min(CPU, 2m)", 120_000).value).toBe(2);
    expect(read(readings, "min(CPU, 2m)", 999_000).value).toBeUndefined();
  });

  it("keeps no more samples than it may, drops what a late or repeated report overtakes, and takes no NaN", () => {
    const samples = createRecentSamples(3_600_000_000);
    for (let index = 0; index < MAX_SAMPLES + 50; index += 1)
      samples.note(0, "A", { at: index, value: index });
    expect(samples.history(0, "A", -1)).toHaveLength(MAX_SAMPLES);
    samples.note(0, "A", { at: 500, value: 1 });
    expect(samples.history(0, "A", 498)).toEqual([
      { at: 499, value: 499 },
      { at: 500, value: 1 },
    ]);
    samples.note(0, "A", { at: 501, value: Number.NaN });
    expect(samples.history(0, "A", 499)).toHaveLength(1);
    samples.forget(0);
    expect(samples.history(0, "A", -1)).toEqual([]);
  });
});

describe("fields beyond the original", () => {
  it("hold what they may", () => {
    expect(elasticRoleExtras.scale_in_metric.safeParse("MONITORING.CPU").success).toBe(true);
    expect(elasticRoleExtras.scale_in_metric.safeParse("avg(CPU, 5m)").success).toBe(false);
    expect(elasticRoleExtras.scale_in_metric.safeParse("CPU >").success).toBe(false);
    expect(elasticRoleExtras.guest_metrics.safeParse(["A B"]).success).toBe(false);
    expect(extrasProblem({ missing_data: "fallback" })).toMatch(/needs 'fallback_cardinality'/);
    expect(extrasProblem({ fallback_cardinality: 3 })).toMatch(/only used with/);
    expect(extrasProblem({ missing_data: "hold" })).toBeUndefined();
  });
});
