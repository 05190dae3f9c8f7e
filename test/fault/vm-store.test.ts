import { describe, expect, it } from "vitest";
import { SYSTEM } from "../../gateway/cloud/actor.ts";
import { memoryStore } from "../../gateway/store/memory.ts";
import type { Store } from "../../gateway/store/store.ts";
import { phase, recordEvents } from "../conformance/cloud/setup.ts";
import { dyingStore } from "../support/dying-store.ts";
import { manualClock } from "../support/manual-clock.ts";
import type { Guests, Script } from "../support/scripted-driver.ts";
import { scriptedHouse } from "../support/scripted-house.ts";

/** A house whose store fails when told to, with one VM that runs on one address. */
async function house(script?: Script) {
  const store = memoryStore();
  const clock = manualClock();
  const opened = await scriptedHouse({ store, clock, ...(script === undefined ? {} : { script }) });
  const range = { TYPE: "IP4", IP: "10.0.0.1", SIZE: "9" };
  const networkId = await opened.cloud.networks.allocate(SYSTEM, { NAME: "n", AR: range });
  const NIC = { NETWORK_ID: String(networkId) };
  const leases = async () =>
    [...(await opened.cloud.networks.detail(SYSTEM, networkId)).leases.values()].flat().length;
  return { ...opened, store, clock, NIC, leases };
}

const holding =
  (operation: string): Script =>
  (asked) =>
    asked === operation ? "hold" : "succeed";

describe("a store that cannot write", () => {
  it("fails what was asked, and no event tells of it", async () => {
    const { cloud, store, NIC, leases, events } = await house();
    const before = events.length;
    store.failNext();
    await expect(cloud.vms.allocate(SYSTEM, { NAME: "vm", NIC })).rejects.toMatchObject({
      code: "unavailable",
    });
    expect(await cloud.vms.list(SYSTEM)).toEqual([]);
    expect(await leases()).toBe(0);
    expect(events).toHaveLength(before);
  });

  it("is tried again after a step: the work is asked for once more, and every phase is told once", async () => {
    const { cloud, store, clock, driver, NIC, events, until } = await house(holding("deploy"));
    const id = await cloud.vms.allocate(SYSTEM, { NAME: "vm", NIC });
    const deploy = await driver.held();
    store.failNext();
    driver.follow(() => "succeed");
    deploy.succeed();
    await clock.runNext();
    await until(id, "RUNNING");
    expect(driver.asked).toEqual(["deploy in BOOT", "deploy in BOOT"]);
    const moves = events.flatMap((event) => (event.kind === "vm_state" ? [phase(event.vm)] : []));
    expect(moves).toEqual(["PENDING", "BOOT", "RUNNING"]);
  });

  it("gives no address back before the VM is DONE, and all of them with it", async () => {
    const { cloud, store, clock, driver, NIC, leases, until, phase: phaseNow } = await house();
    const id = await cloud.vms.allocate(SYSTEM, { NAME: "vm", NIC });
    await until(id, "RUNNING");
    driver.follow(holding("cleanup"));
    await cloud.vms.act(SYSTEM, id, "terminate");
    const cleanup = await driver.held();
    store.failNext();
    driver.follow(() => "succeed");
    cleanup.succeed();
    const retried = clock.runNext();
    await retried;
    expect([await phaseNow(id), await leases()]).toEqual(["EPILOG", 1]);
    await until(id, "DONE");
    expect(await leases()).toBe(0);
  });

  it("delays a placement, and nothing else", async () => {
    const { cloud, store, clock, NIC, until } = await house();
    const id = await cloud.vms.allocate(SYSTEM, { NAME: "vm", NIC });
    // The next write is the scheduler's.
    store.failNext();
    await clock.runNext();
    await until(id, "RUNNING");
  });

  it("does not lose the end of a guest, and does not invent one for a guest that is there again", async () => {
    const { cloud, store, clock, driver, NIC, until, vm } = await house();
    const id = await cloud.vms.allocate(SYSTEM, { NAME: "vm", NIC });
    await until(id, "RUNNING");
    store.failNext();
    driver.endGuest(id, "exit status 3");
    await clock.runNext();
    expect((await until(id, "POWEROFF")).userTemplate).toMatchObject({ ERROR: "exit status 3" });

    await cloud.vms.act(SYSTEM, id, "resume");
    await until(id, "RUNNING");
    store.failNext();
    driver.endGuest(id, "once more");
    driver.guests.set(id, "running");
    await clock.runNext();
    // The look at the guest takes a turn of its own.
    await cloud.vms.updateUserTemplate(SYSTEM, id, { A: "1" }, "append");
    expect(phase(await vm(id))).toBe("RUNNING");
    expect(clock.waiting()).toBe(0);
  });

  it("leaves a router, its VMs and their addresses as they were", async () => {
    const { cloud, store, NIC, leases, until } = await house();
    const templateId = await cloud.templates.allocate(SYSTEM, { NAME: "t" });
    const router = await cloud.routers.allocate(SYSTEM, { NAME: "r", NIC: { ...NIC, FLOATING_IP: "YES" } });
    const vmIds = await cloud.routers.instantiate(SYSTEM, router, { count: 2, templateId });
    for (const id of vmIds) await until(id, "RUNNING");
    store.failNext();
    await expect(cloud.routers.delete(SYSTEM, router)).rejects.toMatchObject({ code: "unavailable" });
    expect((await cloud.routers.get(SYSTEM, router)).vmIds).toEqual(vmIds);
    expect(await leases()).toBe(3);
  });
});

describe("a crash between two writes", () => {
  it("never leaves the VMs of a deleted router running", async () => {
    const inner = memoryStore();
    const { store, dieAfter } = dyingStore(inner);
    const guests: Guests = new Map();
    const { cloud, until } = await scriptedHouse({ store, guests });
    const templateId = await cloud.templates.allocate(SYSTEM, { NAME: "t" });
    const router = await cloud.routers.allocate(SYSTEM, { NAME: "r" });
    const vmIds = await cloud.routers.instantiate(SYSTEM, router, { count: 2, templateId });
    for (const id of vmIds) await until(id, "RUNNING");
    dieAfter(1);
    void cloud.routers.delete(SYSTEM, router);
    await until(vmIds[0] ?? -1, "CANCEL");
    const next = await scriptedHouse({ store: inner, guests });
    await expect(next.cloud.routers.get(SYSTEM, router)).rejects.toMatchObject({ code: "not_found" });
    for (const id of vmIds) await next.until(id, "DONE");
    expect(guests.size).toBe(0);
  });
});

describe("a store that takes its time", () => {
  it("holds events back until what they tell is durable", async () => {
    const inner = memoryStore();
    const { promise: flushed, resolve: flush } = Promise.withResolvers<void>();
    let slow = false;
    const store: Store = {
      ...inner,
      async commit(changes) {
        if (slow) await flushed;
        await inner.commit(changes);
      },
    };
    const { cloud } = await scriptedHouse({ store });
    const events = recordEvents(cloud);
    slow = true;
    const made = cloud.vms.allocate(SYSTEM, { NAME: "vm" }, { hold: true });
    await cloud.hosts.list(SYSTEM);
    expect(events).toEqual([]);
    expect(await cloud.vms.list(SYSTEM)).toEqual([]);
    flush();
    const id = await made;
    expect(events).toMatchObject([{ kind: "vm_state", vm: { id } }]);
  });
});
