import { afterEach, describe, expect, it } from "vitest";
import { SYSTEM } from "../../gateway/cloud/actor.ts";
import type { JsonObject } from "../../gateway/cloud/model.ts";
import { memoryStore } from "../../gateway/store/memory.ts";
import { serviceStateName } from "../../shared/states/service.ts";
import { manualClock } from "../support/manual-clock.ts";
import { type ScalingHouse, scalingHouse } from "../support/scaling-house.ts";

/** The shell around the decision: what it hears, when it looks, and what it asks of the life cycle. */

let house: ScalingHouse;

afterEach(async () => {
  await house.close();
});

async function open(options: Parameters<typeof scalingHouse>[0] = {}): Promise<void> {
  house = await scalingHouse(options);
}

/** Two workers; a policy that grows by two, and one that shrinks by one. */
const GROWS = { type: "CHANGE", adjust: 2, expression: "ATT > 50", cooldown: 20 };
const SHRINKS = { type: "CHANGE", adjust: -1, expression: "ATT < 20", cooldown: 10 };

async function elastic(...policies: readonly JsonObject[]): Promise<number> {
  return await house.service({ elasticity_policies: policies });
}

/** Every worker reports the same. */
async function all(id: number, value: string): Promise<void> {
  for (const vmId of await house.workers(id)) await house.report(vmId, { ATT: value });
}

const notes = () => house.commands.filter(({ kind }) => kind === "note_policies").length;

describe("a role with policies", () => {
  it("grows as soon as a guest reports what makes one true, rests for its cooldown, and shrinks", async () => {
    await open();
    const id = await elastic(GROWS, SHRINKS);
    await house.pass(1);
    await all(id, "60");
    expect(await house.cardinality(id)).toBe(4);
    await house.until(id, "COOLDOWN");
    await all(id, "10");
    await house.pass(19);
    expect(await house.cardinality(id)).toBe(4);
    await house.pass(2);
    expect(await house.cardinality(id)).toBe(3);
    await house.pass(40);
    expect(await house.cardinality(id)).toBe(1);
    expect(await house.cloud.vms.list(SYSTEM)).toHaveLength(4);
  });

  it("goes by what hosts measure", async () => {
    await open();
    const id = await elastic({ ...GROWS, expression: "MONITORING.CPU > 80" });
    const [first = -1, second = -1] = await house.workers(id);
    await house.pass(1);
    house.measure({ [first]: { CPU: 70 }, [second]: { CPU: 80 } });
    await house.rest();
    expect(await house.cardinality(id)).toBe(2);
    await house.pass(1);
    house.measure({ [first]: { CPU: 90 }, [second]: { CPU: 85 } });
    await house.rest();
    expect(await house.cardinality(id)).toBe(4);
  });

  it("takes from guests the names that the service lets them supply, unless the role says otherwise", async () => {
    await open();
    const elasticity_policies = [{ ...GROWS, expression: "CPU > 80 | SESSIONS > 5" }];
    const guarded = await house.service({ elasticity_policies }, { guest_metrics: ["SESSIONS"] });
    const free = await house.service(
      { elasticity_policies, guest_metrics: ["CPU"] },
      { guest_metrics: ["SESSIONS"] },
    );
    for (const id of [guarded, free])
      for (const vmId of await house.workers(id)) await house.report(vmId, { CPU: "99" });
    await house.pass(1);
    expect(await house.cardinality(guarded)).toBe(2);
    expect(await house.cardinality(free)).toBe(4);
    for (const vmId of await house.workers(guarded)) await house.report(vmId, { SESSIONS: "6" });
    await house.pass(1);
    expect(await house.cardinality(guarded)).toBe(4);
  });

  it("counts periods, not reports", async () => {
    await open();
    const id = await elastic({ ...GROWS, period: 10, period_number: 3 });
    await house.pass(1);
    for (let report = 0; report < 9; report += 1) {
      await all(id, String(60 + report));
      await house.pass(1);
    }
    expect((await house.policy(id)).true_evals).toBe(1);
    await house.pass(10);
    expect(await house.cardinality(id)).toBe(2);
    await house.pass(10);
    expect(await house.cardinality(id)).toBe(4);
  });

  it("counts at the auto-scaler's interval where no period is given, however much is reported", async () => {
    await open({ settings: { autoscalerIntervalS: 30 } });
    const id = await elastic({ ...GROWS, period_number: 3 });
    for (let second = 0; second < 50; second += 1) {
      await all(id, String(60 + second));
      await house.pass(1);
    }
    expect(await house.cardinality(id)).toBe(2);
    await house.pass(40);
    expect(await house.cardinality(id)).toBe(4);
  });

  it("looks once for a storm of reports, and writes nothing for them", async () => {
    await open();
    const id = await elastic(GROWS);
    const [first = -1] = await house.workers(id);
    await house.pass(1);
    const looks = () => [...house.autoscaler.counts.looks.values()].reduce((sum, count) => sum + count, 0);
    const before = [looks(), house.commands.length];
    for (let report = 0; report < 1_000; report += 1) house.measure({ [first]: { ATT: report % 50 } });
    await house.rest();
    expect([looks() - (before[0] ?? 0), house.commands.length - (before[1] ?? 0)]).toEqual([1, 0]);
    for (let round = 0; round < 50; round += 1) {
      house.measure({ [first]: { ATT: round } });
      await house.rest();
    }
    expect(looks() - (before[0] ?? 0)).toBe(1);
    await house.pass(1);
    expect(looks() - (before[0] ?? 0)).toBe(2);
  });

  it("ignores text where numbers belong, and NaN, and tells so once", async () => {
    await open({ settings: { autoscalerIntervalS: 60 } });
    const id = await elastic(GROWS, { ...SHRINKS, expression: "ATT < 20" });
    await house.pass(1);
    for (const value of ["n/a", "NaN", "", "1e999", "-Infinity"]) {
      await all(id, value);
      await house.pass(10);
    }
    expect(await house.cardinality(id)).toBe(2);
    const ignored = house.told.filter(({ message }) => message.includes("ignored"));
    expect(ignored.length).toBeLessThanOrEqual(2);
    expect(ignored[0]?.details).toMatchObject({ serviceId: id, role: "worker" });
    expect(JSON.stringify(ignored[0]?.details)).toContain("n/a");
  });

  it("goes on with the VMs that are left when one vanishes in the middle of its periods", async () => {
    await open();
    const id = await elastic({ ...GROWS, period: 10, period_number: 3 });
    const [first = -1, second = -1] = await house.workers(id);
    await house.report(first, { ATT: "10" });
    await house.report(second, { ATT: "100" });
    await house.pass(11);
    await house.cloud.vms.recover(SYSTEM, first, "delete");
    await house.rest();
    expect([await house.cardinality(id), await house.workers(id)]).toEqual([1, [second]]);
    await house.pass(25);
    expect(await house.cardinality(id)).toBe(3);
    const [reading] = (
      await house.autoscaler.explain(await house.cloud.documents.get(SYSTEM, id))
    ).roles.flatMap(({ policies }) =>
      policies.flatMap((policy) => (policy.kind === "elasticity" ? policy.readings : [])),
    );
    expect(reading).toMatchObject({ value: 100, vms: 1, of: 3 });
  });

  it("does nothing while its service is not RUNNING", async () => {
    await open();
    const id = await elastic(GROWS);
    const [first = -1] = await house.workers(id);
    await house.pass(1);
    await house.cloud.vms.act(SYSTEM, first, "poweroff");
    await house.until(id, "WARNING");
    await all(id, "60");
    await house.pass(100);
    expect(await house.cardinality(id)).toBe(2);
    await house.cloud.vms.act(SYSTEM, first, "resume");
    await house.until(id, "SCALING");
  });

  it("only tells what it would do in observe mode", async () => {
    await open();
    const id = await elastic({ ...GROWS, mode: "observe" });
    await house.pass(1);
    await all(id, "60");
    await house.pass(100);
    expect(await house.cardinality(id)).toBe(2);
    const observed = house.told.filter(({ message }) => message.includes("observes"));
    expect(observed.map(({ details }) => details)).toEqual([
      { serviceId: id, role: "worker", kind: "elasticity", policy: 0, would: 4 },
    ]);
  });

  it("spares the VM whose guest asked for it", async () => {
    await open();
    const id = await house.service({ elasticity_policies: [SHRINKS], scale_in_protection: true });
    const [first = -1, second = -1] = await house.workers(id);
    await house.report(first, { SCALE_IN_PROTECTION: "YES" });
    await house.pass(1);
    await all(id, "10");
    await house.pass(1);
    expect(await house.workers(id)).toEqual([first]);
    expect(second).toBeGreaterThan(first);
  });

  it("goes below the size that somebody forced, though that is above its limit still", async () => {
    await open();
    const id = await elastic(SHRINKS);
    await house.oneflow.command(SYSTEM, id, {
      kind: "scale",
      role: "worker",
      cardinality: 7,
      force: true,
      cooldown: 0,
    });
    await house.until(id, "RUNNING");
    await house.pass(1);
    await all(id, "10");
    await house.pass(1);
    expect(await house.cardinality(id)).toBe(6);
  });

  it("is told of nothing by VMs of other owners, whatever its document names", async () => {
    await open();
    const id = await elastic(GROWS);
    const [first = -1, second = -1] = await house.workers(id);
    for (const vmId of [first, second]) await house.cloud.vms.chown(SYSTEM, vmId, { uid: 0 });
    await house.pass(1);
    await all(id, "60");
    await house.pass(100);
    expect(await house.cardinality(id)).toBe(2);
  });
});

describe("min_vms", () => {
  it("is restored when VMs end, in roles without policies too, and without a cooldown", async () => {
    await open();
    const id = await house.service({ cardinality: 3, min_vms: 3 });
    const [first = -1] = await house.workers(id);
    const scaling = house.until(id, "SCALING");
    await house.cloud.vms.recover(SYSTEM, first, "delete");
    await scaling;
    await house.until(id, "RUNNING");
    expect(await house.cardinality(id)).toBe(3);
    expect(serviceStateName((await house.body(id)).state)).toBe("RUNNING");
    expect(await house.workers(id)).toHaveLength(3);
  });
});

describe("one role at a time", () => {
  it("the second scales when the first has rested", async () => {
    await open();
    const role = { type: "vm", cardinality: 1, template_id: 0, min_vms: 1, max_vms: 3, cooldown: 5 };
    const policies = { elasticity_policies: [{ type: "CHANGE", adjust: 2, expression: "VM.STATE = 3" }] };
    const { id } = await house.instantiate({
      name: "two",
      deployment: "none",
      roles: [
        { ...role, name: "a", ...policies },
        { ...role, name: "b", ...policies },
      ],
    });
    await house.until(id, "SCALING");
    await house.rest();
    const sizes = async () => (await house.body(id)).roles.map(({ cardinality }) => cardinality);
    expect(await sizes()).toEqual([3, 1]);
    await house.pass(6);
    expect(await sizes()).toEqual([3, 3]);
    await house.pass(30);
    expect(await sizes()).toEqual([3, 3]);
  });
});

describe("counters", () => {
  it("are shown at once, and written only where they must be kept", async () => {
    await open({ settings: { autoscalerIntervalS: 10 } });
    const id = await elastic({ ...GROWS, expression: "ATT > 100", period: 10, period_number: 2 });
    expect(await house.policy(id)).toMatchObject({ true_evals: 0, expression_evaluated: "ATT[--] > 100" });
    const written = notes();
    const { last_eval: stored = 0 } = await house.policy(id);
    await house.pass(60);
    expect(notes()).toBe(written);
    expect((await house.policy(id)).last_eval).toBe(stored);
    const shown = house.autoscaler.present(await house.cloud.documents.get(SYSTEM, id));
    const text = JSON.stringify(shown.body);
    expect(Number(/"last_eval":(\d+)/.exec(text)?.[1])).toBeGreaterThan(stored + 45);
  });

  it("outlive a restart", async () => {
    const [store, clock] = [memoryStore(), manualClock()];
    await open({ store, clock });
    const id = await elastic({ ...GROWS, period: 10, period_number: 3 });
    await all(id, "60");
    await house.pass(21);
    expect((await house.policy(id)).true_evals).toBe(2);
    await house.close();
    await open({ store, clock });
    expect(await house.cardinality(id)).toBe(2);
    await house.pass(12);
    expect(await house.cardinality(id)).toBe(4);
  });

  it("go when the role scales, whoever asked, and an edit of the service leaves them alone", async () => {
    await open();
    const id = await elastic({ ...GROWS, period: 10, period_number: 5, expression: "VM.STATE = 3" });
    await house.pass(11);
    expect((await house.policy(id)).true_evals).toBe(2);
    const body = await house.body(id);
    await house.pass(10);
    await house.oneflow.command(SYSTEM, id, { kind: "update", body });
    expect((await house.policy(id)).true_evals).toBe(3);
    await house.oneflow.command(SYSTEM, id, { kind: "scale", role: "worker", cardinality: 3, force: false });
    expect(await house.policy(id)).not.toHaveProperty("true_evals");
  });
});

describe("functions over time", () => {
  const LOOKS_BACK = { ...GROWS, expression: "avg(MONITORING.CPU, 1m) > 50", cooldown: 500 };

  it("go by each report of the stretch, and by nothing that is older", async () => {
    await open({ settings: { autoscalerIntervalS: 10 } });
    const id = await elastic(LOOKS_BACK);
    const [first = -1] = await house.workers(id);
    for (const cpu of [40, 40, 40]) {
      house.measure({ [first]: { CPU: cpu } });
      await house.pass(10);
    }
    expect(await house.cardinality(id)).toBe(2);
    // What the guest says of something else is no reading of the CPU.
    for (const note of ["a", "b", "c", "d"]) await house.report(first, { NOTE: note });
    house.measure({ [first]: { CPU: 100 } });
    await house.pass(1);
    expect(await house.policy(id)).toMatchObject({
      expression_evaluated: "avg(MONITORING.CPU, 1m)[55.0] > 50",
    });
    expect(await house.cardinality(id)).toBe(4);
    await house.pass(80);
    const { roles } = await house.autoscaler.explain(await house.cloud.documents.get(SYSTEM, id));
    expect(roles[0]?.policies[0]).toMatchObject({ evaluated: "avg(MONITORING.CPU, 1m)[--] > 50" });
  });

  it("begin after a start with what history has", async () => {
    const [store, clock] = [memoryStore(), manualClock()];
    await open({ store, clock });
    const id = await elastic({ ...LOOKS_BACK, mode: "off" });
    await house.close();
    const at = Math.floor(clock.now() / 1000) - 20;
    await open({
      store,
      clock,
      history: async () => ({
        resolution: "raw",
        points: [{ at, names: ["CPU", "MEMORY"], values: [90, 1], more: {} }],
      }),
    });
    const { roles } = await house.autoscaler.explain(await house.cloud.documents.get(SYSTEM, id));
    expect(roles[0]?.policies[0]).toMatchObject({ prevention: { reason: "off" } });
    const body = await house.body(id);
    const changed = {
      ...body,
      roles: body.roles.map((role) => ({ ...role, elasticity_policies: [LOOKS_BACK] })),
    };
    await house.cloud.documents.update(SYSTEM, id, JSON.parse(JSON.stringify(changed)));
    await house.until(id, "SCALING");
    expect(await house.policy(id)).toMatchObject({
      expression_evaluated: "avg(MONITORING.CPU, 1m)[90.0] > 50",
    });
  });
});

describe("scheduled policies", () => {
  const at = (seconds: number) => ({
    type: "CARDINALITY",
    adjust: 4,
    start_time: String(seconds),
    cooldown: 1,
  });

  it("fire at their time, once", async () => {
    await open();
    const now = Math.floor(house.clock.now() / 1000);
    const id = await house.service({ scheduled_policies: [at(now + 30)] });
    await house.pass(29);
    expect(await house.cardinality(id)).toBe(2);
    await house.pass(2);
    expect(await house.cardinality(id)).toBe(4);
    await house.pass(2);
    await house.oneflow.command(SYSTEM, id, {
      kind: "scale",
      role: "worker",
      cardinality: 2,
      force: false,
      cooldown: 0,
    });
    await house.pass(200);
    expect(await house.cardinality(id)).toBe(2);
  });

  it("fire once after a restart, when their time came while the house was down", async () => {
    const [store, clock] = [memoryStore(), manualClock()];
    await open({ store, clock });
    const id = await house.service({ scheduled_policies: [at(Math.floor(clock.now() / 1000) + 30)] });
    await house.pass(5);
    await house.close();
    clock.advance(60_000);
    await open({ store, clock });
    await house.until(id, "COOLDOWN");
    expect(await house.cardinality(id)).toBe(4);
    await house.close();
    await open({ store, clock });
    await house.pass(100);
    expect(house.commands.filter(({ kind }) => kind === "scale")).toEqual([]);
  });

  it("go by the wall clock: one that is set ahead makes none late, one that is set back repeats none", async () => {
    await open({ settings: { autoscalerIntervalS: 30 } });
    const now = Math.floor(house.clock.now() / 1000);
    const id = await house.service({ scheduled_policies: [at(now + 3_600)] });
    house.clock.jump(3_700_000);
    await house.pass(31);
    expect(await house.cardinality(id)).toBe(4);
    await house.oneflow.command(SYSTEM, id, {
      kind: "scale",
      role: "worker",
      cardinality: 2,
      force: false,
      cooldown: 0,
    });
    await house.rest();
    house.clock.jump(-3_700_000);
    await house.pass(3_700);
    expect(await house.cardinality(id)).toBe(2);
  }, 30_000);

  it("stay due when the life cycle refuses them", async () => {
    await open();
    const now = Math.floor(house.clock.now() / 1000);
    const id = await house.service({ scheduled_policies: [at(now + 10)] });
    await house.cloud.documents.lock(house.alice, id, 1);
    await house.pass(30);
    expect(await house.cardinality(id)).toBe(2);
    expect(house.told.filter(({ message }) => message.includes("tried again"))).toHaveLength(1);
    await house.cloud.documents.unlock(house.alice, id);
    await house.pass(90);
    expect(await house.cardinality(id)).toBe(4);
  });
});

describe("a service that ends", () => {
  it("is watched no more, and takes no timer with it", async () => {
    await open();
    const id = await elastic(GROWS);
    expect(house.autoscaler.watched).toBe(1);
    await house.oneflow.command(SYSTEM, id, { kind: "undeploy" });
    await house.gone(id);
    await house.rest();
    expect(house.autoscaler.watched).toBe(0);
  });
});
