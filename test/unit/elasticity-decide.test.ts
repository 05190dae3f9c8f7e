import { describe, expect, it } from "vitest";
import { adjusted, limitRefusal } from "../../gateway/oneflow/elasticity/adjust.ts";
import { type Decision, decide } from "../../gateway/oneflow/elasticity/decide.ts";
import type { Adjustment, ElasticityPolicy } from "../../gateway/oneflow/elasticity/policy.ts";
import { createPolicyTexts } from "../../gateway/oneflow/elasticity/texts.ts";
import { guest, scriptedRole, vm } from "../support/elasticity.ts";

const GROW: ElasticityPolicy = { type: "CHANGE", adjust: 1, expression: "LOAD > 10" };
const SHRINK: ElasticityPolicy = { type: "CHANGE", adjust: -1, expression: "LOAD < 5" };
const LIMITS = { min_vms: 1, max_vms: 10 };

/** The reasons that kept each policy from acting. */
function reasons({ explanation }: Decision): readonly (string | undefined)[] {
  return explanation.policies.map(({ prevention }) => prevention?.reason);
}

function loaded(load: string, ids: readonly number[] = [0, 1]) {
  return ids.map((id) => guest(id, { LOAD: load }));
}

describe("the new cardinality", () => {
  it.each<[number, number | undefined, number | undefined, Adjustment, number, number | undefined, number]>([
    [2, 1, 5, "CHANGE", 2, undefined, 4],
    [4, 1, 5, "CHANGE", 2, undefined, 5],
    [7, 1, 5, "CHANGE", 2, undefined, 7],
    [7, 1, 5, "CHANGE", -1, undefined, 6],
    [1, 2, 5, "CHANGE", -1, undefined, 2],
    [5, 1, undefined, "PERCENTAGE_CHANGE", -10, 2, 3],
    [5, 1, undefined, "PERCENTAGE_CHANGE", -10, undefined, 4],
    [10, undefined, undefined, "PERCENTAGE_CHANGE", 25, undefined, 12],
    [10, undefined, undefined, "PERCENTAGE_CHANGE", 19, undefined, 11],
    [3, undefined, undefined, "PERCENTAGE_CHANGE", 50, undefined, 4],
    [3, undefined, undefined, "PERCENTAGE_CHANGE", -50, undefined, 2],
    [0, undefined, undefined, "PERCENTAGE_CHANGE", 50, undefined, -1],
    [4, undefined, undefined, "PERCENTAGE_CHANGE", 0, undefined, 3],
    [2, 1, 5, "PERCENTAGE_CHANGE", 100, 4, 5],
    [4, 2, undefined, "CARDINALITY", 1, undefined, 1],
    [4, undefined, 9, "CARDINALITY", 12, undefined, 9],
    [4, 2, undefined, "CARDINALITY", -1, undefined, 2],
    [4, 1, 9, "CARDINALITY", 0, undefined, 0],
  ])(
    "of %i VMs (%s to %s) after %s %i, step %s, is %i",
    (cardinality, min, max, type, adjust, step, expected) => {
      const role = {
        cardinality,
        ...(min === undefined ? {} : { min_vms: min }),
        ...(max === undefined ? {} : { max_vms: max }),
      };
      expect(adjusted(role, { type, adjust, min_adjust_step: step })).toBe(expected);
    },
  );

  it.each([
    [4, 1, "Minimum cardinality is 2"],
    [0, -1, "Minimum cardinality is 0"],
    [4, 10, "Maximum cardinality is 9"],
    [4, 9, undefined],
    [12, 11, undefined],
    [0, 1, undefined],
  ])("from %i to %i is refused: %s", (cardinality, to, sentence) => {
    expect(limitRefusal({ cardinality, min_vms: 2, max_vms: 9 }, to)).toBe(sentence);
  });
});

describe("the seed's example Scalability1", () => {
  const POLICIES: readonly ElasticityPolicy[] = [
    { expression: "ATT > 50", type: "CHANGE", adjust: 2, period_number: 3, period: 10 },
    { expression: "ATT < 20", type: "PERCENTAGE_CHANGE", adjust: -10, min_adjust_step: 2 },
  ];

  it("goes as it is told there, step by step", () => {
    const role = scriptedRole({ min_vms: 1, max_vms: 5, cooldown: 10, elasticity_policies: POLICIES });
    const counter = () => role.role().elasticity_policies?.[0]?.true_evals;
    // 1) 40 and 60 are 50 on average, which is not more than 50.
    role.readings.set(guest(0, { ATT: "40" }));
    role.readings.set(guest(1, { ATT: "60" }));
    for (const at of [1000, 1010, 1020, 1030]) expect(role.step(at)).toBeUndefined();
    expect(counter()).toBe(0);
    expect(role.role().elasticity_policies?.[0]?.expression_evaluated).toBe("ATT[50.0] > 50");
    // 2) 45 and 60 are 52.5: counted each 10 seconds and no faster, and the third time two VMs come.
    role.readings.set(guest(0, { ATT: "45" }));
    expect(role.step(1040)).toBeUndefined();
    expect(counter()).toBe(1);
    expect(role.step(1045)).toBeUndefined();
    expect(counter()).toBe(1);
    expect(role.step(1050)).toBeUndefined();
    expect(counter()).toBe(2);
    expect(role.role().elasticity_policies?.[0]?.expression_evaluated).toBe("ATT[52.5] > 50");
    const by = { kind: "elasticity", index: 0 };
    expect(role.step(1060)).toEqual({ cardinality: 4, cooldown: 10, firstToGo: [], by });
    // 3) The counter begins anew; the new VMs have no ATT, so the mean is the same, and it grows until 5.
    expect(counter()).toBeUndefined();
    expect([1080, 1090, 1100].map((at) => role.step(at)?.cardinality)).toEqual([undefined, undefined, 5]);
    expect([1120, 1130, 1140, 1150].map((at) => role.step(at))).toEqual(Array(4).fill(undefined));
    expect(counter()).toBe(3);
    // 4) Ten per cent of five are less than one, and two by min_adjust_step.
    for (const id of role.vmIds()) role.readings.set(guest(id, { ATT: "10" }));
    expect(role.step(1160)?.cardinality).toBe(3);
    expect(role.step(1180)?.cardinality).toBe(1);
    expect(role.step(1200)).toBeUndefined();
  });
});

describe("counters", () => {
  it("fire on the first true look where no number of periods is given, and stay 0", () => {
    const role = scriptedRole({ ...LIMITS, elasticity_policies: [GROW] });
    for (const one of loaded("20")) role.readings.set(one);
    const { scaling, noted } = role.look(100);
    expect(scaling?.cardinality).toBe(3);
    const kept = { last_eval: 100, true_evals: 0, expression_evaluated: "LOAD[20.0] > 10" };
    expect(noted.elasticity_policies).toEqual([{ ...GROW, ...kept }]);
  });

  it("begin anew when the expression is false once", () => {
    const role = scriptedRole({ ...LIMITS, elasticity_policies: [{ ...GROW, period_number: 2 }] });
    const counts = ["20", "1", "20", "20"].map((load, index) => {
      for (const one of loaded(load)) role.readings.set(one);
      const { scaling } = role.look(100 + index);
      return [role.role().elasticity_policies?.[0]?.true_evals, scaling?.cardinality];
    });
    expect(counts).toEqual([
      [1, undefined],
      [0, undefined],
      [1, undefined],
      [2, 3],
    ]);
  });

  it("stay full at the limit, and the next policy is asked", () => {
    const first = { ...GROW, period_number: 1 };
    const role = scriptedRole({
      min_vms: 1,
      max_vms: 2,
      elasticity_policies: [first, { ...GROW, adjust: -1 }],
    });
    for (const one of loaded("20")) role.readings.set(one);
    const decision = role.look(100);
    expect(reasons(decision)).toEqual(["same_cardinality", undefined]);
    expect(decision.scaling?.cardinality).toBe(1);
    expect(role.role().elasticity_policies?.[0]?.true_evals).toBe(1);
  });

  it("are counted at the auto-scaler's pace, however often it looks, where several periods have no length", () => {
    const role = scriptedRole({ ...LIMITS, elasticity_policies: [{ ...GROW, period_number: 2 }] });
    for (const one of loaded("20")) role.readings.set(one);
    const scaled = [100, 101, 102, 129, 130].map((at) => role.look(at, { pace: 30 }).scaling?.cardinality);
    expect(scaled).toEqual([undefined, undefined, undefined, undefined, 3]);
  });

  it("neither run ahead nor stand still when the clock is set back", () => {
    const role = scriptedRole({
      ...LIMITS,
      elasticity_policies: [{ ...GROW, period: 60, period_number: 2 }],
    });
    for (const one of loaded("20")) role.readings.set(one);
    const counts = [10_000, 5_000, 5_001, 5_060].map((at) => {
      const { scaling } = role.look(at);
      return [role.role().elasticity_policies?.[0]?.true_evals, scaling?.cardinality];
    });
    expect(counts).toEqual([
      [1, undefined],
      [1, undefined],
      [1, undefined],
      [2, 3],
    ]);
  });

  it("must be kept when they change, not when only the time of the look did", () => {
    const role = scriptedRole({ ...LIMITS, elasticity_policies: [{ ...GROW, period_number: 5 }] });
    for (const one of loaded("1")) role.readings.set(one);
    expect([100, 130, 160].map((at) => role.look(at).mustKeep)).toEqual([true, false, false]);
    for (const one of loaded("20")) role.readings.set(one);
    expect(role.look(190).mustKeep).toBe(true);
  });
});

describe("the order", () => {
  const ATT_START = { start_time: "150", type: "CARDINALITY", adjust: 6 } as const;

  it("is scheduled policies, then expressions, then the minimum; who wins leaves the later ones as they are", () => {
    const role = scriptedRole({
      min_vms: 3,
      max_vms: 10,
      scheduled_policies: [{ ...ATT_START, last_eval: 100 }],
      elasticity_policies: [GROW],
    });
    for (const one of loaded("20")) role.readings.set(one);
    const decision = role.look(200);
    expect(decision.scaling).toMatchObject({
      cardinality: 6,
      cooldown: 300,
      by: { kind: "scheduled", index: 0 },
    });
    expect(reasons(decision)).toEqual([undefined, "earlier_policy"]);
    expect(decision.noted.elasticity_policies).toBeUndefined();
    expect(decision.explanation.restoresMinimum).toBe(false);
  });

  it("brings a role back to min_vms without a cooldown, also without any policy", () => {
    const role = scriptedRole({ cardinality: 1, min_vms: 3, cooldown: 60 });
    const scaling = { cardinality: 3, cooldown: 0, firstToGo: [], by: { kind: "min_vms" } };
    expect(role.look(100).scaling).toEqual(scaling);
  });

  it("does not end at a policy that asks for what the limits refuse", () => {
    const refused = { ...GROW, type: "CARDINALITY", adjust: 1 } as const;
    const role = scriptedRole({ min_vms: 2, max_vms: 5, elasticity_policies: [refused, GROW] });
    for (const one of loaded("20")) role.readings.set(one);
    const decision = role.look(100);
    expect(decision.explanation.policies[0]?.prevention).toEqual({
      reason: "limit",
      sentence: "Minimum cardinality is 2",
    });
    expect(decision.scaling?.cardinality).toBe(3);
  });

  it.each([
    [{ cooldown: 5 }, 7, 5],
    [{}, 7, 7],
    [{}, undefined, 300],
  ])("of cooldowns is policy (%o), role (%s), default: %i", (policy, cooldown, expected) => {
    const own = cooldown === undefined ? {} : { cooldown };
    const role = scriptedRole({ ...LIMITS, ...own, elasticity_policies: [{ ...GROW, ...policy }] });
    for (const one of loaded("20")) role.readings.set(one);
    expect(role.look(100).scaling?.cooldown).toBe(expected);
  });
});

describe("while the service is not RUNNING", () => {
  it("nothing is counted, and the explanation says why and looks all the same", () => {
    const policies = { elasticity_policies: [GROW], scheduled_policies: [{ ...GROW, start_time: "50" }] };
    const role = scriptedRole({ min_vms: 5, max_vms: 9, ...policies });
    for (const one of loaded("20")) role.readings.set(one);
    const given = { role: role.role(), vmIds: role.vmIds(), recommended: [] };
    const settings = { texts: createPolicyTexts("UTC"), defaultCooldown: 300, thorough: true };
    const blocked = { state: "COOLDOWN", until: 150 };
    const decision = decide({ ...given, blocked }, role.readings, 100_000, settings);
    expect(decision).toMatchObject({ scaling: undefined, noted: {}, mustKeep: false });
    expect(reasons(decision)).toEqual(["service_state", "service_state"]);
    expect(decision.explanation.policies[1]).toMatchObject({
      verdict: "true",
      evaluated: "LOAD[20.0] > 10",
      would: 3,
      prevention: { state: "COOLDOWN", until: 150 },
    });
  });
});

describe("what cannot be read", () => {
  it("is false, and says why where the original says it", () => {
    const role = scriptedRole({ ...LIMITS, elasticity_policies: [{ ...GROW, expression: "LOAD >" }] });
    const decision = role.look(100);
    expect(decision.scaling).toBeUndefined();
    expect(role.role().elasticity_policies?.[0]).toMatchObject({
      true_evals: 0,
      expression_evaluated:
        "Parse error. 'LOAD >': Column 7: the expression ends, where a name, a number, ! or ( must stand.",
    });
    expect(reasons(decision)).toEqual(["unreadable"]);
  });
});

describe("missing data", () => {
  const policy = { ...SHRINK, expression: "!LOAD > 5", period_number: 2 };

  it("is a comparison that is false where nothing else is said, and visible all the same", () => {
    const role = scriptedRole({ ...LIMITS, elasticity_policies: [policy] });
    expect(role.look(100).explanation.policies[0]).toMatchObject({
      verdict: "insufficient_data",
      trueEvals: 1,
    });
    expect(role.look(130).scaling?.cardinality).toBe(1);
  });

  it("holds the counters under hold", () => {
    const role = scriptedRole({
      ...LIMITS,
      elasticity_policies: [{ ...policy, missing_data: "hold", true_evals: 1 }],
    });
    const decision = role.look(100);
    expect(decision.explanation.policies[0]?.prevention).toEqual({
      reason: "insufficient_data",
      missing: ["LOAD"],
      rule: "hold",
    });
    expect(role.role().elasticity_policies?.[0]?.true_evals).toBe(1);
  });

  it("counts as true under breach", () => {
    const role = scriptedRole({
      ...LIMITS,
      elasticity_policies: [{ ...GROW, period_number: 2, missing_data: "breach" }],
    });
    expect([100, 130].map((at) => role.look(at).scaling?.cardinality)).toEqual([undefined, 3]);
  });

  it("leads to a cardinality of its own under fallback, after as many periods, within the limits", () => {
    const fallback = {
      ...GROW,
      period_number: 2,
      missing_data: "fallback",
      fallback_cardinality: 20,
    } as const;
    const role = scriptedRole({ ...LIMITS, elasticity_policies: [fallback] });
    expect([100, 130].map((at) => role.look(at).scaling?.cardinality)).toEqual([undefined, 10]);
    for (const one of loaded("1")) role.readings.set(one);
    expect(role.look(160).scaling).toBeUndefined();
    expect(role.role().elasticity_policies?.[0]?.missing_evals).toBeUndefined();
  });

  it("does not matter where the answer does not hang on it", () => {
    const either = { ...GROW, expression: "LOAD > 10 | OTHER > 1", missing_data: "hold" } as const;
    const role = scriptedRole({ ...LIMITS, elasticity_policies: [either] });
    for (const one of loaded("20")) role.readings.set(one);
    expect(role.look(100).scaling?.cardinality).toBe(3);
  });
});

describe("modes", () => {
  it("observe counts and tells, and does nothing", () => {
    const role = scriptedRole({
      ...LIMITS,
      elasticity_policies: [
        { ...GROW, mode: "observe" },
        { ...GROW, adjust: 3 },
      ],
    });
    for (const one of loaded("20")) role.readings.set(one);
    const decision = role.look(100);
    expect(decision.explanation.policies[0]).toMatchObject({
      would: 3,
      prevention: { reason: "observed_only" },
    });
    expect(decision.scaling?.cardinality).toBe(5);
  });

  it("of the role and of the policy: the more cautious holds", () => {
    const role = scriptedRole({
      ...LIMITS,
      elasticity_mode: "observe",
      elasticity_policies: [GROW, { ...GROW, mode: "off" }],
    });
    for (const one of loaded("20")) role.readings.set(one);
    const decision = role.look(100);
    expect(decision.scaling).toBeUndefined();
    expect(reasons(decision)).toEqual(["observed_only", "off"]);
  });

  it("off does not make up for what fell into it", () => {
    const policy = { type: "CARDINALITY", adjust: 6, start_time: "150", last_eval: 100 } as const;
    const role = scriptedRole({ ...LIMITS, scheduled_policies: [{ ...policy, mode: "off" }] });
    expect(role.step(200)).toBeUndefined();
    role.change({
      scheduled_policies: [{ ...policy, last_eval: role.role().scheduled_policies?.[0]?.last_eval ?? 0 }],
    });
    expect(role.step(300)).toBeUndefined();
  });
});

describe("stabilization", () => {
  it("shrinks only when the whole window agreed, and then to the most that it asked for", () => {
    const role = scriptedRole({
      ...LIMITS,
      cardinality: 6,
      stabilization_down: 60,
      elasticity_policies: [{ ...SHRINK, adjust: -3, expression: "LOAD < 2" }, SHRINK],
    });
    const at = (seconds: number, load: string) => {
      for (const one of loaded(load)) role.readings.set(one);
      return role.look(seconds).scaling?.cardinality;
    };
    expect(at(100, "4")).toBeUndefined();
    expect(at(130, "9")).toBeUndefined();
    expect(at(150, "4")).toBeUndefined();
    expect(at(180, "1")).toBeUndefined();
    expect(at(209, "1")).toBeUndefined();
    // Until 150 the role was to stay at 6; since then 5 was asked for, and for a part of the window 3.
    expect(at(210, "1")).toBe(5);
  });

  it("does not take the rest between two periods for a wish to stay", () => {
    const role = scriptedRole({
      ...LIMITS,
      stabilization_up: 60,
      elasticity_policies: [{ ...GROW, period: 20 }],
    });
    for (const one of loaded("20")) role.readings.set(one);
    const scaled = [100, 110, 120, 130, 140, 150, 160].map((at) => role.look(at).scaling?.cardinality);
    expect(scaled).toEqual([...Array(6).fill(undefined), 3]);
  });

  it("holds only its own direction", () => {
    const role = scriptedRole({ ...LIMITS, stabilization_down: 600, elasticity_policies: [GROW] });
    for (const one of loaded("20")) role.readings.set(one);
    expect(role.look(100).scaling?.cardinality).toBe(3);
  });
});

describe("scale-in", () => {
  const shrink = { ...SHRINK, adjust: -2, expression: "1 > 0" };

  it.each([
    ["oldest", [0, 1]],
    ["newest", [3, 2]],
    ["least_busy", [2, 0]],
  ] as const)("of the %s takes %j", (scale_in, firstToGo) => {
    const role = scriptedRole({ ...LIMITS, cardinality: 4, scale_in, elasticity_policies: [shrink] });
    for (const [id, cpu] of ["20", "30", "10"].entries())
      role.readings.set(vm(id, { MONITORING: { CPU: cpu } }));
    expect(role.look(100).scaling).toMatchObject({ cardinality: 2, firstToGo });
  });

  it("goes by a metric of the role's own", () => {
    const choice = { scale_in: "least_busy", scale_in_metric: "SESSIONS" } as const;
    const role = scriptedRole({ ...LIMITS, cardinality: 4, ...choice, elasticity_policies: [shrink] });
    for (const id of [0, 1, 2, 3]) role.readings.set(guest(id, { SESSIONS: String(40 - id) }));
    expect(role.look(100).scaling?.firstToGo).toEqual([3, 2]);
  });

  it("spares guests that ask for it, where the role allows that, and shrinks by less then", () => {
    const role = scriptedRole({
      ...LIMITS,
      cardinality: 3,
      scale_in_protection: true,
      elasticity_policies: [shrink],
    });
    for (const id of [0, 1]) role.readings.set(guest(id, { SCALE_IN_PROTECTION: "yes" }));
    expect(role.look(100).scaling).toMatchObject({ cardinality: 2, firstToGo: [2] });
    role.readings.set(guest(2, { SCALE_IN_PROTECTION: "YES" }));
    const decision = role.look(200);
    expect(decision.scaling).toBeUndefined();
    expect(decision.explanation.policies[0]?.prevention).toEqual({ reason: "protected", vmIds: [0, 1, 2] });
    role.change({ scale_in_protection: false });
    expect(role.look(300).scaling).toMatchObject({ cardinality: 1, firstToGo: [] });
  });
});
