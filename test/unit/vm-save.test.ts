import { describe, expect, it } from "vitest";
import { SYSTEM } from "../../gateway/cloud/actor.ts";
import type { ContextFiles, Driver } from "../../gateway/cloud/embedded/driver.ts";
import { phaseOf } from "../../gateway/cloud/embedded/vm-machine.ts";
import { testCloud, text, vmInPhase } from "../support/embedded.ts";
import { scriptedDriver } from "../support/scripted-driver.ts";

/** A VM of this driver that runs, and what may be done with it. */
async function running(driver: Driver, template = 'CPU="1" MEMORY="64"') {
  const { cloud } = await testCloud({ driver });
  const id = await cloud.vms.allocate(SYSTEM, text(template));
  const until = (phase: string) => vmInPhase(cloud, SYSTEM, id, phase);
  await until("RUNNING");
  return { until, act: (action: "stop" | "suspend" | "resume") => cloud.vms.act(SYSTEM, id, action) };
}

describe("a VM that is stopped", () => {
  it("is saved by a driver that can, from running and from suspended, and never shut down", async () => {
    const saved: string[] = [];
    const scripted = scriptedDriver();
    const driver: Driver = {
      ...scripted,
      async save(vm) {
        saved.push(phaseOf(vm));
        scripted.guests.delete(vm.id);
      },
    };
    const { until, act } = await running(driver);
    await act("stop");
    await until("STOPPED");
    expect(saved).toEqual(["SAVE_STOP", "EPILOG_STOP"]);
    await act("resume");
    await until("RUNNING");
    await act("suspend");
    await until("SUSPENDED");
    await act("stop");
    await until("STOPPED");
    expect(saved).toEqual(["SAVE_STOP", "EPILOG_STOP", "EPILOG_STOP"]);
    expect(scripted.asked.filter((asked) => asked.startsWith("shutdown"))).toEqual([]);
  });

  it("runs on when it cannot be saved", async () => {
    const scripted = scriptedDriver();
    const { until, act } = await running({
      ...scripted,
      save: () => Promise.reject(new Error("The disk is full.")),
    });
    await act("stop");
    const vm = await until("RUNNING");
    expect(vm.userTemplate.ERROR).toBe("The disk is full.");
  });

  it("is shut down by a driver that cannot save", async () => {
    const driver = scriptedDriver();
    const { until, act } = await running(driver);
    await act("stop");
    await until("STOPPED");
    expect(driver.asked.slice(-2)).toEqual(["shutdown in SAVE_STOP", "shutdown-hard in EPILOG_STOP"]);
  });
});

describe("a guest's context", () => {
  it("names OneGate where its driver says that the guest reaches it", async () => {
    const contexts: ContextFiles[] = [];
    const scripted = scriptedDriver();
    await running(
      {
        ...scripted,
        endpointFor: (vm, endpoint) => `${endpoint}/seen-by-${vm.id}`,
        async deploy(vm, context) {
          contexts.push(context);
          return await scripted.deploy(vm, context);
        },
      },
      'CPU="1" MEMORY="64" CONTEXT=[ TOKEN="YES" ]',
    );
    expect(contexts[0]?.variables.ONEGATE_ENDPOINT).toBe("http://127.0.0.1:5030/seen-by-0");
  });
});
