import fc from "fast-check";
import { expect, it } from "vitest";
import { countsInMeans } from "../../gateway/oneflow/elasticity/counting.ts";
import type { ElasticityPolicy, ScheduledPolicy } from "../../gateway/oneflow/elasticity/policy.ts";
import {
  ADJUSTMENTS,
  MISSING_DATA_RULES,
  MODES,
  SCALE_IN_CHOICES,
} from "../../gateway/oneflow/elasticity/policy.ts";
import { vmStateText } from "../../shared/states/vm.ts";
import { scriptedRole, vm } from "../support/elasticity.ts";

const adjust = { type: fc.constantFrom(...ADJUSTMENTS), adjust: fc.integer({ min: -200, max: 200 }) };
const seconds = fc.integer({ min: 0, max: 120 });
const elasticity: fc.Arbitrary<ElasticityPolicy> = fc.record(
  {
    ...adjust,
    expression: fc.constantFrom("A > 5", "!A > 5", "B < 3 & A > 1", "avg(A, 1m) >= 0", "A >", "X = 1"),
    min_adjust_step: fc.integer({ min: 1, max: 5 }),
    period: seconds,
    period_number: fc.integer({ min: 0, max: 4 }),
    cooldown: seconds,
    mode: fc.constantFrom(...MODES),
    missing_data: fc.constantFrom(...MISSING_DATA_RULES),
    fallback_cardinality: fc.integer({ min: 0, max: 20 }),
  },
  { requiredKeys: ["type", "adjust", "expression"] },
);
const scheduled: fc.Arbitrary<ScheduledPolicy> = fc.record(
  {
    ...adjust,
    recurrence: fc.constantFrom("* * * * *", "*/2 * * * *", "0 0 30 2 *", "never"),
    cooldown: seconds,
    mode: fc.constantFrom(...MODES),
  },
  { requiredKeys: ["type", "adjust", "recurrence"] },
);
const role = fc.record(
  {
    cardinality: fc.integer({ min: 0, max: 12 }),
    min_vms: fc.integer({ min: 0, max: 4 }),
    max_vms: fc.integer({ min: 4, max: 9 }),
    elasticity_policies: fc.array(elasticity, { maxLength: 3 }),
    scheduled_policies: fc.array(scheduled, { maxLength: 2 }),
    stabilization_up: seconds,
    stabilization_down: seconds,
    scale_in: fc.constantFrom(...SCALE_IN_CHOICES),
    scale_in_protection: fc.boolean(),
  },
  { requiredKeys: ["cardinality", "min_vms", "max_vms"] },
);
const text = fc.constantFrom(
  "0",
  "3",
  "7",
  "1e308",
  "1e999",
  "NaN",
  "-inf",
  "lots",
  "",
  "9.7 %",
  "-0",
  "YES",
);
/** A report, a VM that vanishes, or time that goes on or jumps. */
const event = fc.oneof(
  fc.record({
    id: fc.nat(12),
    a: text,
    b: text,
    protection: fc.constantFrom("YES", "no"),
    counts: fc.boolean(),
  }),
  fc.record({ gone: fc.nat(12) }),
  fc.record({ pass: fc.oneof(seconds, fc.integer({ min: -100_000, max: 400_000 })) }),
);

it("never scales out of the limits or to nonsense, whatever is reported, vanishes, or happens to the clock", () => {
  fc.assert(
    fc.property(role, fc.array(event, { maxLength: 60 }), (first, events) => {
      const scripted = scriptedRole(first);
      let now = 1_800_000_000;
      for (const happened of events) {
        if ("pass" in happened) now += happened.pass;
        else if ("gone" in happened) scripted.readings.remove(happened.gone);
        else {
          const own = { A: happened.a, SCALE_IN_PROTECTION: happened.protection };
          scripted.readings.set(
            vm(happened.id, { USER_TEMPLATE: own, MONITORING: { B: happened.b } }, happened.counts),
          );
        }
        const { cardinality: before } = scripted.role();
        const vmIds = scripted.vmIds();
        const scaling = scripted.step(now);
        for (const { true_evals = 0, period_number = 0 } of scripted.role().elasticity_policies ?? [])
          expect(true_evals).toBeLessThanOrEqual(period_number);
        if (scaling === undefined) continue;
        const { cardinality, firstToGo } = scaling;
        expect(Number.isInteger(cardinality)).toBe(true);
        expect(cardinality).not.toBe(before);
        if (cardinality > before) expect(cardinality).toBeLessThanOrEqual(first.max_vms);
        else expect(cardinality).toBeGreaterThanOrEqual(first.min_vms);
        expect(firstToGo.length).toBeLessThanOrEqual(Math.max(0, before - cardinality));
        expect(vmIds).toEqual(expect.arrayContaining([...firstToGo]));
      }
    }),
    { numRuns: 500 },
  );
});

it("counts VMs that run or rest, and none that is being made, changed or ended", () => {
  const counting: string[] = [];
  for (let state = 0; state <= 11; state += 1) {
    for (let lcm = 0; lcm <= 70; lcm += 1)
      if (countsInMeans(state, lcm)) counting.push(vmStateText(state, lcm));
  }
  expect(new Set(counting)).toEqual(new Set(["RUNNING", "STOPPED", "SUSPENDED", "POWEROFF", "UNDEPLOYED"]));
});
