import { describe, expect, it } from "vitest";
import { SYSTEM } from "../../gateway/cloud/actor.ts";
import { OWED_WORK } from "../../gateway/cloud/embedded/vm-machine.ts";
import type { VmAction } from "../../gateway/cloud/pools/vm-pool.ts";
import { parseWorld } from "../../gateway/cloud/world.ts";
import { memoryStore } from "../../gateway/store/memory.ts";
import { LCM_STATE } from "../../shared/states/lcm.ts";
import { VM_STATE } from "../../shared/states/vm.ts";
import { dyingStore } from "../support/dying-store.ts";
import type { Guests, Script } from "../support/scripted-driver.ts";
import { scriptedHouse } from "../support/scripted-house.ts";

/** How a VM gets into each phase that owes work; each action but the last comes to rest first, in RUNNING to begin with. */
interface Way {
  readonly actions: readonly (readonly [VmAction, string])[];
  readonly rest: string;
  /** Where the boot fails first. */
  readonly failsBoot?: boolean;
}

const WAYS: Readonly<Record<string, Way>> = {
  BOOT: { actions: [], rest: "RUNNING" },
  BOOT_POWEROFF: {
    actions: [
      ["poweroff", "POWEROFF"],
      ["resume", ""],
    ],
    rest: "RUNNING",
  },
  BOOT_STOPPED: {
    actions: [
      ["stop", "STOPPED"],
      ["resume", ""],
    ],
    rest: "RUNNING",
  },
  BOOT_UNDEPLOY: {
    actions: [
      ["undeploy", "UNDEPLOYED"],
      ["resume", ""],
    ],
    rest: "RUNNING",
  },
  BOOT_SUSPENDED: {
    actions: [
      ["suspend", "SUSPENDED"],
      ["resume", ""],
    ],
    rest: "RUNNING",
  },
  SAVE_SUSPEND: { actions: [["suspend", ""]], rest: "SUSPENDED" },
  SAVE_STOP: { actions: [["stop", ""]], rest: "STOPPED" },
  EPILOG_STOP: { actions: [["stop", ""]], rest: "STOPPED" },
  SHUTDOWN_POWEROFF: { actions: [["poweroff-hard", ""]], rest: "POWEROFF" },
  SHUTDOWN_UNDEPLOY: { actions: [["undeploy", ""]], rest: "UNDEPLOYED" },
  EPILOG_UNDEPLOY: { actions: [["undeploy-hard", ""]], rest: "UNDEPLOYED" },
  SHUTDOWN: { actions: [["terminate", ""]], rest: "DONE" },
  CANCEL: { actions: [["terminate-hard", ""]], rest: "DONE" },
  EPILOG: { actions: [["terminate", ""]], rest: "DONE" },
  CLEANUP_DELETE: { actions: [["terminate", ""]], rest: "DONE", failsBoot: true },
};

/** Phases that a house of ours reaches only over a close, or not by itself. */
const OTHER_WAYS = ["BOOT_UNKNOWN", "PROLOG"];

/** Walks a new VM into a phase and leaves the house there, the driver's work begun. */
async function crashIn(phase: string, way: Way, guests: Guests, takesEffect: boolean) {
  const store = memoryStore();
  const script: Script = (operation, at) => {
    if (at === phase) return "hold";
    return way.failsBoot && operation === "deploy" ? "fail" : "succeed";
  };
  const house = await scriptedHouse({ store, script, guests });
  const id = await house.cloud.vms.allocate(SYSTEM, { NAME: "vm" });
  if (phase !== "BOOT") await house.until(id, way.failsBoot ? "BOOT_FAILURE" : "RUNNING");
  for (const [action, rest] of way.actions) {
    await house.cloud.vms.act(SYSTEM, id, action);
    if (rest !== "") await house.until(id, rest);
  }
  const held = await house.driver.held();
  expect(await house.phase(id)).toBe(phase);
  if (takesEffect) held.takeEffect();
  return { store, id };
}

describe("a house that crashed", () => {
  it("has a way into every phase that owes work", () => {
    expect([...Object.keys(WAYS), ...OTHER_WAYS].toSorted()).toEqual(Object.keys(OWED_WORK).toSorted());
  });

  it.each(Object.entries(WAYS))("in %s goes on to where it was going", async (phase, way) => {
    for (const takesEffect of [false, true]) {
      const guests: Guests = new Map();
      const { store, id } = await crashIn(phase, way, guests, takesEffect);
      const next = await scriptedHouse({ store, guests });
      const rested = await next.until(id, way.rest);
      expect(rested.userTemplate.ERROR).toBeUndefined();
      expect(guests.get(id)).toBe({ RUNNING: "running", SUSPENDED: "paused" }[way.rest]);
      expect(rested.history.at(-1)?.etime === 0).toBe(!["STOPPED", "UNDEPLOYED", "DONE"].includes(way.rest));
      // And once more, as if it had crashed at rest: nothing is left to do.
      const last = await scriptedHouse({ store, guests });
      expect(await last.phase(id)).toBe(way.rest);
      expect(last.driver.asked).toEqual([]);
    }
  });

  it("with a VM imported in PROLOG boots it", async () => {
    const store = memoryStore();
    const first = await scriptedHouse({ store, start: false });
    await first.cloud.importWorld(worldWithVm(LCM_STATE.PROLOG));
    const next = await scriptedHouse({ store });
    await next.until(7, "RUNNING");
    expect(next.driver.asked).toEqual(["deploy in PROLOG"]);
  });

  it("places VMs that were waiting, and leaves held ones", async () => {
    const inner = memoryStore();
    const { store, dieAfter } = dyingStore(inner);
    const house = await scriptedHouse({ store });
    await house.cloud.hosts.setState(SYSTEM, 0, "disabled");
    const waiting = await house.cloud.vms.allocate(SYSTEM, { NAME: "waits" });
    const held = await house.cloud.vms.allocate(SYSTEM, { NAME: "held" }, { hold: true });
    const enabled = house.cloud.hosts.setState(SYSTEM, 0, "enabled");
    // That is its last write, so the scheduler's turn never comes.
    dieAfter(0);
    await enabled;
    const next = await scriptedHouse({ store: inner });
    await next.until(waiting, "RUNNING");
    expect(await next.phase(held)).toBe("HOLD");
  });

  it("still knows how many VMs each host has", async () => {
    const store = memoryStore();
    const house = await scriptedHouse({ store });
    const [first] = await house.cloud.hosts.list(SYSTEM);
    for (const NAME of ["a", "b"]) {
      await house.until(await house.cloud.vms.allocate(SYSTEM, { NAME }), "RUNNING");
    }
    const next = await scriptedHouse({ store, guests: house.driver.guests });
    const second = await next.cloud.hosts.allocate(SYSTEM, {
      name: "second",
      imMad: first?.imMad ?? "",
      vmMad: first?.vmMad ?? "",
    });
    for (const NAME of ["c", "d"]) {
      const id = await next.cloud.vms.allocate(SYSTEM, { NAME });
      expect((await next.until(id, "RUNNING")).history).toMatchObject([{ hostId: second }]);
    }
  });

  it("finds the guests that outlived it, and takes those for powered off that did not", async () => {
    const store = memoryStore();
    const guests: Guests = new Map();
    const house = await scriptedHouse({ store, guests });
    const ids = [];
    for (const NAME of ["stays", "goes", "sleeps"])
      ids.push(await house.cloud.vms.allocate(SYSTEM, { NAME }));
    for (const id of ids) await house.until(id, "RUNNING");
    const [stays = -1, goes = -1, sleeps = -1] = ids;
    await house.cloud.vms.act(SYSTEM, sleeps, "suspend");
    await house.until(sleeps, "SUSPENDED");
    guests.delete(goes);
    const next = await scriptedHouse({ store, guests });
    await next.until(goes, "POWEROFF");
    expect(await next.phase(stays)).toBe("RUNNING");
    expect(await next.phase(sleeps)).toBe("SUSPENDED");
    expect(next.driver.asked).toEqual([]);
  });

  it("starts although a driver cannot tell whether a guest is there, and believes the VM runs", async () => {
    const store = memoryStore();
    const house = await scriptedHouse({ store });
    const id = await house.cloud.vms.allocate(SYSTEM, { NAME: "vm" });
    await house.until(id, "RUNNING");
    const next = await scriptedHouse({ store, start: false });
    next.driver.status = () => Promise.reject(new Error("no /proc"));
    await next.cloud.start();
    expect(await next.phase(id)).toBe("RUNNING");
  });
});

/** One VM, 7, on the host that the first start makes. */
function worldWithVm(lcmState: number) {
  const HISTORY = { OID: "7", SEQ: "0", HOSTNAME: "host0", HID: "0", CID: "0", VM_MAD: "scripted" };
  const VM = {
    ID: "7",
    NAME: "imported",
    STATE: String(VM_STATE.ACTIVE),
    LCM_STATE: String(lcmState),
    HISTORY_RECORDS: { HISTORY },
  };
  return parseWorld({ vms: [{ VM }] });
}

describe("a house that closes", () => {
  const ending = { endsGuestsOnClose: true };

  it("boots the guests again that ended with it, and powers off those that slept", async () => {
    const store = memoryStore();
    const house = await scriptedHouse({ store, ...ending });
    const running = await house.cloud.vms.allocate(SYSTEM, { NAME: "runs" });
    const sleeping = await house.cloud.vms.allocate(SYSTEM, { NAME: "sleeps" });
    const off = await house.cloud.vms.allocate(SYSTEM, { NAME: "off" });
    for (const id of [running, sleeping, off]) await house.until(id, "RUNNING");
    await house.cloud.vms.act(SYSTEM, sleeping, "suspend");
    await house.until(sleeping, "SUSPENDED");
    await house.cloud.vms.act(SYSTEM, off, "poweroff");
    await house.until(off, "POWEROFF");
    await house.cloud.close();
    expect(house.driver.guests.size).toBe(0);

    const next = await scriptedHouse({ store, ...ending });
    await next.until(running, "RUNNING");
    await next.until(sleeping, "POWEROFF");
    await next.until(off, "POWEROFF");
    expect(next.driver.asked).toEqual(["deploy in BOOT_UNKNOWN"]);
    const told = next.events.flatMap((event) =>
      event.kind === "vm_state" && event.vm.id === running ? [event.vm.lcmState] : [],
    );
    expect(told).toEqual([LCM_STATE.BOOT_UNKNOWN, LCM_STATE.RUNNING]);
  });

  it("takes a crash later for a crash: a guest that is gone then is not booted", async () => {
    const store = memoryStore();
    const house = await scriptedHouse({ store, ...ending });
    const id = await house.cloud.vms.allocate(SYSTEM, { NAME: "vm" });
    await house.until(id, "RUNNING");
    await house.cloud.close();
    const next = await scriptedHouse({ store, ...ending });
    await next.until(id, "RUNNING");
    // A crash, in which the guest ended.
    const last = await scriptedHouse({ store, ...ending });
    await last.until(id, "POWEROFF");
    expect(last.driver.asked).toEqual([]);
  });

  it("remembers them through a crash in the middle of booting them again", async () => {
    const store = memoryStore();
    const guests: Guests = new Map();
    const house = await scriptedHouse({ store, guests, ...ending });
    const ids: number[] = [];
    for (const NAME of ["a", "b"]) ids.push(await house.cloud.vms.allocate(SYSTEM, { NAME }));
    for (const id of ids) await house.until(id, "RUNNING");
    await house.cloud.close();
    const crashing = await scriptedHouse({ store, guests, ...ending, start: false });
    // The house looks for the first guest and never learns whether it is there.
    const { promise: looked, resolve } = Promise.withResolvers<void>();
    crashing.driver.status = () => {
      resolve();
      return new Promise(() => {});
    };
    void crashing.cloud.start();
    await looked;
    const next = await scriptedHouse({ store, guests, ...ending });
    for (const id of ids) await next.until(id, "RUNNING");
  });

  it("does not bring back what was ended while it looked for the guest", async () => {
    const store = memoryStore();
    const house = await scriptedHouse({ store, ...ending });
    const id = await house.cloud.vms.allocate(SYSTEM, { NAME: "vm" });
    await house.until(id, "RUNNING");
    await house.cloud.close();
    const next = await scriptedHouse({ store, ...ending, start: false });
    const { promise: looked, resolve: looking } = Promise.withResolvers<void>();
    const { promise: answer, resolve: tell } = Promise.withResolvers<"gone">();
    next.driver.status = () => {
      looking();
      return answer;
    };
    const started = next.cloud.start();
    await looked;
    await next.cloud.vms.act(SYSTEM, id, "terminate-hard");
    await next.until(id, "DONE");
    tell("gone");
    await started;
    expect(await next.phase(id)).toBe("DONE");
    expect(next.driver.guests.size).toBe(0);
  });

  it("notes nothing when it never started, as commands on a home do", async () => {
    const store = memoryStore();
    const house = await scriptedHouse({ store, ...ending });
    const id = await house.cloud.vms.allocate(SYSTEM, { NAME: "vm" });
    await house.until(id, "RUNNING");
    // A crash; then a command that opens the home and closes it again.
    const command = await scriptedHouse({ store, ...ending, start: false });
    await command.cloud.close();
    const next = await scriptedHouse({ store, ...ending });
    await next.until(id, "POWEROFF");
  });

  it("ends its guests although the store cannot note them", async () => {
    const store = memoryStore();
    const house = await scriptedHouse({ store, ...ending });
    const id = await house.cloud.vms.allocate(SYSTEM, { NAME: "vm" });
    await house.until(id, "RUNNING");
    store.failNext();
    await expect(house.cloud.close()).rejects.toMatchObject({ code: "unavailable" });
    expect(house.driver.guests.size).toBe(0);
  });

  it("waits for work under way, takes up no more, and leaves the rest to the next", async () => {
    const store = memoryStore();
    const guests: Guests = new Map();
    const script: Script = (operation) => (operation === "shutdown" ? "hold" : "succeed");
    const house = await scriptedHouse({ store, guests, script });
    const id = await house.cloud.vms.allocate(SYSTEM, { NAME: "vm" });
    await house.until(id, "RUNNING");
    await house.cloud.vms.act(SYSTEM, id, "terminate");
    const shutdown = await house.driver.held();
    let closed = false;
    const closing = house.cloud.close().then(() => {
      closed = true;
    });
    await house.cloud.vms.get(SYSTEM, id);
    expect(closed).toBe(false);
    shutdown.succeed();
    await closing;
    expect(await house.phase(id)).toBe("EPILOG");
    expect(house.driver.asked.some((asked) => asked.startsWith("cleanup"))).toBe(false);
    const next = await scriptedHouse({ store, guests });
    await next.until(id, "DONE");
  });
});
