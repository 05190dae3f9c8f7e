import { describe, expect, it } from "vitest";
import { dummyDriver } from "../../gateway/cloud/embedded/drivers/dummy.ts";
import type { Vm } from "../../gateway/cloud/model.ts";
import type { Clock } from "../../shared/clock.ts";
import { GatehouseError } from "../../shared/errors.ts";
import { LCM_STATE } from "../../shared/states/lcm.ts";
import { VM_STATE } from "../../shared/states/vm.ts";
import { blankVm } from "../support/blank-vm.ts";
import { DUMMY_STAY } from "../support/dummy-stay.ts";

function vmIn(state: number, lcmState: number = LCM_STATE.LCM_INIT): Vm {
  return blankVm({
    id: 249,
    name: "master_0_(service_292)",
    state,
    lcmState,
    prevState: state,
    prevLcmState: lcmState,
    history: [
      { ...DUMMY_STAY, seq: 0, hostName: "dummyhost0" },
      { ...DUMMY_STAY, seq: 1 },
    ],
  });
}

const context = { contextSh: "", tokenTxt: undefined, variables: {} };
const booting = vmIn(VM_STATE.ACTIVE, LCM_STATE.BOOT);

/** A clock that runs its timers when told to. */
function manualClock(): Clock & { timers: Map<() => void, number>; fire(): void } {
  const timers = new Map<() => void, number>();
  return {
    timers,
    now: () => 0,
    elapsed: () => 0,
    after(delayMs, work) {
      timers.set(work, delayMs);
      return () => timers.delete(work);
    },
    fire() {
      for (const work of [...timers.keys()]) {
        timers.delete(work);
        work();
      }
    },
  };
}

describe("dummyDriver", () => {
  it("boots at once and without a timer when booting takes no time", async () => {
    const clock = manualClock();
    const driver = dummyDriver({ clock, bootMs: 0 });
    expect(await driver.deploy(booting, context)).toBe("dummyhost1:master_0_(service_292):dummy");
    expect(clock.timers.size).toBe(0);
    expect(driver.refusal(booting)).toBeUndefined();
  });

  it("boots when its time has passed, not before", async () => {
    const clock = manualClock();
    let booted = false;
    const deployed = dummyDriver({ clock, bootMs: 10_000 })
      .deploy(booting, context)
      .then(() => {
        booted = true;
      });
    await Promise.resolve();
    expect([...clock.timers.values()]).toEqual([10_000]);
    expect(booted).toBe(false);
    clock.fire();
    await deployed;
    expect(booted).toBe(true);
  });

  it("calls off boots under way when it closes", async () => {
    const clock = manualClock();
    const driver = dummyDriver({ clock, bootMs: 10_000 });
    const deployed = driver.deploy(booting, context);
    const refused = expect(deployed).rejects.toThrow(GatehouseError);
    await driver.close();
    await refused;
    expect(clock.timers.size).toBe(0);
  });

  it.each([
    ["running", VM_STATE.ACTIVE, LCM_STATE.RUNNING],
    ["running", VM_STATE.ACTIVE, LCM_STATE.SHUTDOWN_POWEROFF],
    ["running", VM_STATE.ACTIVE, LCM_STATE.HOTPLUG_NIC],
    ["gone", VM_STATE.ACTIVE, LCM_STATE.BOOT],
    ["gone", VM_STATE.ACTIVE, LCM_STATE.BOOT_FAILURE],
    ["gone", VM_STATE.ACTIVE, LCM_STATE.EPILOG],
    ["gone", VM_STATE.POWEROFF, LCM_STATE.LCM_INIT],
    ["gone", VM_STATE.DONE, LCM_STATE.LCM_INIT],
    ["paused", VM_STATE.SUSPENDED, LCM_STATE.LCM_INIT],
    ["paused", VM_STATE.ACTIVE, LCM_STATE.BOOT_SUSPENDED],
  ] as const)(
    "answers %s for a VM in state %i/%i, even when it never saw it",
    async (status, state, lcmState) => {
      const driver = dummyDriver({ clock: manualClock(), bootMs: 0 });
      expect(await driver.status(vmIn(state, lcmState))).toBe(status);
    },
  );
});
