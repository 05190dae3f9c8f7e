import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Actor, SYSTEM } from "../../gateway/cloud/actor.ts";
import { dummyDriver } from "../../gateway/cloud/embedded/drivers/dummy.ts";
import type { EmbeddedCloud } from "../../gateway/cloud/embedded/embedded-cloud.ts";
import type { Vm } from "../../gateway/cloud/model.ts";
import type { ActionSchedule } from "../../gateway/cloud/pools/vm-pool.ts";
import { parseWorld, printWorld } from "../../gateway/cloud/world.ts";
import { type MemoryStore, memoryStore } from "../../gateway/store/memory.ts";
import { phase, untilPhase, untilVm } from "../conformance/cloud/setup.ts";
import { dyingStore } from "../support/dying-store.ts";
import { makeUser, testCloud, text } from "../support/embedded.ts";
import { type ManualClock, manualClock } from "../support/manual-clock.ts";

const START_S = 1_700_000_000;

let clock: ManualClock;
let store: MemoryStore;
let cloud: EmbeddedCloud;
let alice: Actor;

async function open(bootMs = 0): Promise<void> {
  ({ cloud } = await testCloud({ clock, store, driver: dummyDriver({ clock, bootMs }) }));
}

beforeEach(async () => {
  clock = manualClock(START_S * 1_000);
  store = memoryStore();
  await open();
  alice = await makeUser(cloud, SYSTEM, "alice");
});

afterEach(() => cloud.close());

async function runningVm(source = 'NAME = "vm"'): Promise<number> {
  const id = await cloud.vms.allocate(alice, text(source));
  await untilPhase(cloud, alice, id, "RUNNING");
  return id;
}

const actionsOf = async (id: number) => (await cloud.vms.get(alice, id)).scheduledActions ?? [];
const at = (seconds: number, action = "poweroff", rest: Partial<ActionSchedule> = {}): ActionSchedule => ({
  action,
  time: START_S + seconds,
  ...rest,
});
/** The VM once its first action was done, or refused. */
const untilDone = (id: number) =>
  untilVm(cloud, alice, id, (vm: Vm) => vm.scheduledActions?.[0]?.done !== undefined);

describe("a scheduled action", () => {
  it("is done when its time has come, not before, and once", async () => {
    const id = await runningVm();
    const actionId = await cloud.vms.schedule(alice, id, at(100));
    expect(await actionsOf(id)).toEqual([
      { id: actionId, action: "poweroff", args: "", time: START_S + 100, message: "" },
    ]);
    clock.advance(99_000);
    expect(phase(await cloud.vms.get(alice, id))).toBe("RUNNING");
    clock.advance(1_000);
    const off = await untilPhase(cloud, alice, id, "POWEROFF");
    expect(off.scheduledActions).toMatchObject([{ id: actionId, done: START_S + 100, message: "" }]);
    await cloud.vms.act(alice, id, "resume");
    await untilPhase(cloud, alice, id, "RUNNING");
    clock.advance(100_000);
    await cloud.vms.schedule(alice, id, at(300, "suspend"));
    clock.advance(100_000);
    expect((await untilPhase(cloud, alice, id, "SUSPENDED")).history.at(-1)?.uid).toBe(alice.uid);
  });

  it("leaves no timer when there is none any more", async () => {
    const id = await runningVm();
    expect(clock.waiting()).toBe(0);
    const first = await cloud.vms.schedule(alice, id, at(100));
    const second = await cloud.vms.schedule(alice, id, at(50));
    expect(clock.waiting()).toBe(1);
    await cloud.vms.unschedule(alice, id, first);
    await cloud.vms.unschedule(alice, id, second);
    expect(clock.waiting()).toBe(0);
    expect((await cloud.vms.get(alice, id)).scheduledActions).toBeUndefined();
    await cloud.vms.schedule(alice, id, at(100));
    await cloud.vms.act(alice, id, "terminate-hard");
    await untilPhase(cloud, alice, id, "DONE");
    expect(clock.waiting()).toBe(0);
    await expect(cloud.vms.schedule(alice, id, at(100))).rejects.toMatchObject({ code: "wrong_state" });
  });

  it("waits for a clock that was set back, and is done soon after one that was set on", async () => {
    const id = await runningVm();
    await cloud.vms.schedule(alice, id, at(100));
    clock.jump(-3_600_000);
    clock.advance(100_000);
    expect(phase(await cloud.vms.get(alice, id))).toBe("RUNNING");
    clock.jump(7_200_000);
    clock.advance(60_000);
    await untilPhase(cloud, alice, id, "POWEROFF");
    await cloud.vms.act(alice, id, "resume");
    await untilPhase(cloud, alice, id, "RUNNING");
    clock.jump(-7_200_000);
    clock.advance(7_200_000);
    expect(phase(await cloud.vms.get(alice, id))).toBe("RUNNING");
    expect(clock.waiting()).toBe(0);
  });

  it("that came due while the house was down is done once when it starts, and then no more", async () => {
    const id = await runningVm();
    await cloud.vms.schedule(alice, id, at(100));
    await cloud.vms.schedule(alice, id, at(200, "resume"));
    await cloud.close();
    clock.advance(1_000_000);
    await open();
    // One after the other, in the order of their times.
    clock.advance(0);
    await untilPhase(cloud, alice, id, "POWEROFF");
    clock.advance(0);
    const resumed = await untilPhase(cloud, alice, id, "RUNNING");
    expect(resumed.scheduledActions?.map(({ done }) => done)).toEqual([START_S + 1_000, START_S + 1_000]);
    await cloud.close();
    await open();
    expect(clock.waiting()).toBe(0);
    expect(phase(await cloud.vms.get(alice, id))).toBe("RUNNING");
  });

  it("that is not possible while its VM moves waits until it is at rest", async () => {
    await cloud.close();
    await open(10_000);
    const id = await cloud.vms.allocate(alice, text('NAME = "vm"'));
    await untilPhase(cloud, alice, id, "BOOT");
    await cloud.vms.schedule(alice, id, at(1));
    clock.advance(1_000);
    expect((await cloud.vms.get(alice, id)).scheduledActions?.[0]?.done).toBeUndefined();
    clock.advance(9_000);
    await untilPhase(cloud, alice, id, "RUNNING");
    clock.advance(0);
    await untilPhase(cloud, alice, id, "POWEROFF");
  });

  it("that is refused says why, and is over", async () => {
    const id = await runningVm();
    await cloud.vms.schedule(alice, id, at(10, "release"));
    clock.advance(10_000);
    const refused = await untilDone(id);
    expect(refused.scheduledActions?.[0]?.message).toMatch(/not available for state RUNNING/);
    expect(clock.waiting()).toBe(0);
    await cloud.vms.reschedule(alice, id, refused.scheduledActions?.[0]?.id ?? -1, {
      action: "suspend",
      time: START_S + 20,
    });
    expect(await actionsOf(id)).toMatchObject([{ message: "" }]);
    clock.advance(10_000);
    await untilPhase(cloud, alice, id, "SUSPENDED");
  });

  it("is done as the VM's owner of that time, with the rights that the owner has", async () => {
    const bob = await makeUser(cloud, SYSTEM, "bob");
    const id = await runningVm();
    await cloud.vms.schedule(SYSTEM, id, at(10, "resched"));
    await cloud.vms.schedule(SYSTEM, id, at(20));
    await cloud.vms.chown(SYSTEM, id, { uid: bob.uid });
    clock.advance(10_000);
    const vm = await untilVm(cloud, SYSTEM, id, ({ scheduledActions }) => !!scheduledActions?.[0]?.done);
    expect(vm.scheduledActions?.[0]?.message).toBe(
      `User [${bob.uid}] : Not authorized to perform ADMIN VM [${id}].`,
    );
    clock.advance(10_000);
    expect((await untilPhase(cloud, SYSTEM, id, "POWEROFF")).history.at(-1)?.uid).toBe(bob.uid);
  });

  it("takes snapshots, and reboots", async () => {
    const id = await runningVm();
    await cloud.vms.schedule(alice, id, at(10, "snapshot-create", { args: "nightly" }));
    clock.advance(10_000);
    expect((await untilDone(id)).snapshots).toMatchObject([{ id: 0, name: "nightly" }]);
    await cloud.vms.schedule(alice, id, at(20, "snapshot-delete", { args: "0" }));
    clock.advance(10_000);
    await untilVm(cloud, alice, id, (vm) => vm.snapshots.length === 0);
    await cloud.vms.schedule(alice, id, at(30, "reboot"));
    clock.advance(10_000);
    const rebooted = await untilVm(cloud, alice, id, (vm) => vm.scheduledActions?.[2]?.done !== undefined);
    expect(phase(rebooted)).toBe("RUNNING");
    expect(rebooted.scheduledActions?.[2]?.message).toBe("");
  });

  it("comes again as often as it says", async () => {
    const id = await runningVm();
    const hourly = { repeat: { unit: "hourly", days: [2] }, end: { kind: "times", left: 2 } } as const;
    await cloud.vms.schedule(alice, id, at(10, "snapshot-create", hourly));
    for (const taken of [1, 2]) {
      // The second comes late: what was missed meanwhile is passed over.
      clock.advance(taken === 1 ? 10_000 : 5 * 3_600_000);
      await untilVm(cloud, alice, id, (vm) => vm.snapshots.length === taken);
    }
    expect(await actionsOf(id)).toMatchObject([
      { end: { kind: "times", left: 0 }, time: START_S + 10 + 6 * 3_600 },
    ]);
    expect(clock.waiting()).toBe(0);
  });

  it("is begun again when the store could not write, and is done once", async () => {
    const id = await runningVm();
    await cloud.vms.schedule(alice, id, at(100));
    store.failNext();
    clock.advance(100_000);
    await clock.runNext();
    clock.advance(0);
    const off = await untilPhase(cloud, alice, id, "POWEROFF");
    expect(off.scheduledActions).toMatchObject([{ done: START_S + 101 }]);
    expect(clock.waiting()).toBe(0);
  });

  it.each([
    ["before", 0],
    ["after", 1],
  ])("is done once by a house that crashes just %s it was begun", async (_, writes) => {
    const dying = dyingStore(store);
    const inner = store;
    await cloud.close();
    store = { ...inner, ...dying.store };
    await open();
    const id = await runningVm();
    await cloud.vms.schedule(alice, id, at(100, "snapshot-create"));
    await cloud.vms.schedule(alice, id, at(100));
    dying.dieAfter(writes);
    clock.advance(100_000);
    if (writes > 0) await untilVm(cloud, alice, id, (vm) => vm.snapshots.length === 1);
    clock.advance(0);
    store = inner;
    await open();
    clock.advance(0);
    await untilVm(cloud, alice, id, (vm) => vm.snapshots.length === 1);
    clock.advance(0);
    const off = await untilPhase(cloud, alice, id, "POWEROFF");
    expect(off.snapshots).toHaveLength(1);
    expect(off.scheduledActions).toMatchObject([{ message: "" }, { message: "" }]);
  });

  it("of a template is a charter: counted from when the VM was made", async () => {
    const templateId = await cloud.templates.allocate(
      alice,
      text('NAME = "t" SCHED_ACTION = [ ACTION = "suspend", TIME = "+60" ] NOTE = "kept"'),
    );
    clock.advance(5_000);
    const id = await cloud.templates.instantiate(alice, templateId, {});
    const vm = await untilPhase(cloud, alice, id, "RUNNING");
    expect(vm.userTemplate).toEqual({ NOTE: "kept" });
    expect(vm.scheduledActions).toMatchObject([{ action: "suspend", time: START_S + 65 }]);
    clock.advance(60_000);
    await untilPhase(cloud, alice, id, "SUSPENDED");
    const wrong = text('NAME = "w" SCHED_ACTION = [ ACTION = "explode", TIME = "+60" ]');
    await expect(cloud.vms.allocate(alice, wrong)).rejects.toMatchObject({ code: "bad_request" });
    expect(await cloud.vms.list(alice)).toHaveLength(1);
  });

  it("goes through an export and an import as it is, and its id is not given again", async () => {
    const id = await runningVm();
    const end = { kind: "date", at: START_S + 9_999 } as const;
    const repeat = { unit: "weekly", days: [1, 5] } as const;
    await cloud.vms.schedule(alice, id, at(100, "snapshot-create", { args: "n", repeat, end }));
    const second = await cloud.vms.schedule(alice, id, at(50));
    clock.advance(50_000);
    await untilPhase(cloud, alice, id, "POWEROFF");
    const before = await actionsOf(id);
    const world = parseWorld(JSON.parse(JSON.stringify(printWorld(cloud.exportWorld()))));
    await cloud.close();
    store = memoryStore();
    ({ cloud } = await testCloud({ clock, store, firstStart: false }));
    await cloud.importWorld(world);
    await cloud.start();
    expect(await actionsOf(id)).toEqual(before);
    expect(await cloud.vms.schedule(alice, id, at(500))).toBe(second + 1);
  });

  it("is taken of those alone who may do it, and only what can be done", async () => {
    const bob = await makeUser(cloud, SYSTEM, "bob");
    const id = await runningVm();
    const actionId = await cloud.vms.schedule(alice, id, at(100));
    const forbidden = { code: "forbidden" };
    await expect(cloud.vms.schedule(bob, id, at(1))).rejects.toMatchObject(forbidden);
    await expect(cloud.vms.reschedule(bob, id, actionId, { time: 1 })).rejects.toMatchObject(forbidden);
    await expect(cloud.vms.unschedule(bob, id, actionId)).rejects.toMatchObject(forbidden);
    await expect(cloud.vms.schedule(alice, id, at(1, "resched"))).rejects.toMatchObject(forbidden);
    await expect(cloud.vms.reschedule(alice, id, actionId, { action: "unresched" })).rejects.toMatchObject(
      forbidden,
    );
    for (const wrong of [
      at(1, "disk-snapshot-create"),
      at(1, "backup"),
      at(1, "explode"),
      at(1, "snapshot-revert", { args: "first" }),
      at(0.5),
      at(-START_S - 1),
      at(1, "stop", { repeat: { unit: "weekly", days: [] } }),
      at(1, "stop", { repeat: { unit: "weekly", days: [7] } }),
      at(1, "stop", { repeat: { unit: "hourly", days: [1, 2] } }),
      at(1, "stop", { end: { kind: "times", left: -1 } }),
      at(1, "stop", { args: "a".repeat(2_000) }),
    ]) {
      await expect(cloud.vms.schedule(alice, id, wrong), JSON.stringify(wrong)).rejects.toMatchObject({
        code: "bad_request",
      });
    }
    const missing = { code: "not_found", message: "Error getting scheduled action [99]." };
    await expect(cloud.vms.unschedule(alice, id, 99)).rejects.toMatchObject(missing);
    await expect(cloud.vms.reschedule(alice, id, 99, {})).rejects.toMatchObject(missing);
    expect(await actionsOf(id)).toHaveLength(1);
  });

  it("finds room while old ones are done, and is refused when a hundred wait", async () => {
    const id = await runningVm();
    for (let count = 0; count < 100; count++) await cloud.vms.schedule(alice, id, at(100 + count, "release"));
    await expect(cloud.vms.schedule(alice, id, at(1))).rejects.toMatchObject({ code: "conflict" });
    clock.advance(100_000);
    await untilDone(id);
    await cloud.vms.schedule(alice, id, at(500));
    expect(await actionsOf(id)).toHaveLength(100);
    expect((await actionsOf(id))[0]?.time).toBe(START_S + 101);
  });
});
