/** VMs whose memory is promised wait until there is room for them, and begin as soon as there is. */

import { describe, expect, it, vi } from "vitest";
import { SYSTEM } from "../../gateway/cloud/actor.ts";
import type { Cloud } from "../../gateway/cloud/cloud.ts";
import { VM_STATE } from "../../shared/states/vm.ts";
import { untilPhase } from "../conformance/cloud/setup.ts";
import { testCloud, text } from "../support/embedded.ts";
import { scriptedDriver } from "../support/scripted-driver.ts";

const WAIT_MS = 20_000;
const LACK = /MEMORY is 400 MiB, and other VMs leave less of the 1000 MiB that there are: it waits until/;

async function cloudOf(memoryMiB: number | undefined): Promise<Cloud> {
  const driver = { ...scriptedDriver(), ...(memoryMiB === undefined ? {} : { memoryMiB }) };
  const { cloud } = await testCloud({ driver });
  return cloud;
}

const make = (cloud: Cloud, memoryMiB: number) =>
  cloud.vms.allocate(SYSTEM, text(`NAME = "vm" MEMORY = "${memoryMiB}"`));

const untilItWaits = (cloud: Cloud, id: number) =>
  vi.waitFor(async () => {
    const vm = await cloud.vms.get(SYSTEM, id);
    expect(vm.state).toBe(VM_STATE.PENDING);
    expect(vm.userTemplate.SCHED_MESSAGE).toMatch(LACK);
  }, WAIT_MS);

describe("memory that VMs are promised together", () => {
  it("is never more than there is, also for those that come in one turn or to another host", async () => {
    const cloud = await cloudOf(1000);
    await cloud.hosts.allocate(SYSTEM, { name: "host1", imMad: "scripted", vmMad: "scripted" });
    const ids = await Promise.all([400, 400, 400, 200].map((memoryMiB) => make(cloud, memoryMiB)));
    const [first = -1, second = -1, third = -1, small = -1] = ids;
    for (const id of [first, second, small]) await untilPhase(cloud, SYSTEM, id, "RUNNING");
    await untilItWaits(cloud, third);
  });

  it.each(["terminate", "stop", "undeploy"] as const)("is free again after %s", async (action) => {
    const cloud = await cloudOf(1000);
    const [first = -1] = [await make(cloud, 400), await make(cloud, 400)];
    const third = await make(cloud, 400);
    await untilItWaits(cloud, third);
    await untilPhase(cloud, SYSTEM, first, "RUNNING");
    await cloud.vms.act(SYSTEM, first, action);
    const { userTemplate } = await untilPhase(cloud, SYSTEM, third, "RUNNING");
    expect(userTemplate).not.toHaveProperty("SCHED_MESSAGE");
  });

  it("stays promised to a VM that is powered off, which can always be powered on again", async () => {
    const cloud = await cloudOf(1000);
    const [first = -1] = [await make(cloud, 400), await make(cloud, 400)];
    await untilPhase(cloud, SYSTEM, first, "RUNNING");
    await cloud.vms.act(SYSTEM, first, "poweroff");
    await untilPhase(cloud, SYSTEM, first, "POWEROFF");
    const third = await make(cloud, 400);
    await untilItWaits(cloud, third);
    await cloud.vms.act(SYSTEM, first, "resume");
    await untilPhase(cloud, SYSTEM, first, "RUNNING");
  });

  it("is not counted for drivers that do not say how much there is", async () => {
    const cloud = await cloudOf(undefined);
    for (const id of [await make(cloud, 1_000_000), await make(cloud, 1_000_000)])
      await untilPhase(cloud, SYSTEM, id, "RUNNING");
  });
});
