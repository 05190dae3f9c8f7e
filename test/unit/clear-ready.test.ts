import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SYSTEM } from "../../gateway/cloud/actor.ts";
import { followReadiness } from "../../gateway/onegate/clear-ready.ts";
import { memoryStore } from "../../gateway/store/memory.ts";
import type { Template } from "../../shared/template/types.ts";
import { SILENT, text } from "../support/embedded.ts";
import { type ScriptedHouse, scriptedHouse } from "../support/scripted-house.ts";

let house: ScriptedHouse;
let vmId: number;

beforeEach(async () => {
  house = await scriptedHouse();
  vmId = await house.cloud.vms.allocate(SYSTEM, text("NAME=a CPU=0.1 MEMORY=64"));
  await house.until(vmId, "RUNNING");
});

afterEach(() => house.cloud.close());

const report = (value: string): Promise<void> =>
  house.cloud.vms.updateUserTemplate(SYSTEM, vmId, { READY: value, OTHER: "stays" }, "append");

/** The user template once nothing more is on its way to it: writes are done in the order in which they are asked for. */
async function settled(): Promise<Template> {
  await house.cloud.vms.rename(SYSTEM, vmId, "a");
  await house.cloud.vms.rename(SYSTEM, vmId, "a");
  return (await house.vm(vmId)).userTemplate;
}

describe("READY, where it is to follow the guest", () => {
  it("goes when the VM goes down, and nothing else with it", async () => {
    const end = await followReadiness(house.cloud, SILENT);
    await report("YES");
    expect(await settled()).toEqual({ READY: "YES", OTHER: "stays" });
    await house.cloud.vms.act(SYSTEM, vmId, "poweroff");
    await house.until(vmId, "POWEROFF");
    expect(await settled()).toEqual({ OTHER: "stays" });
    await house.cloud.vms.act(SYSTEM, vmId, "resume");
    await house.until(vmId, "RUNNING");
    expect(await settled()).toEqual({ OTHER: "stays" });
    await report("YES");
    expect(await settled()).toMatchObject({ READY: "YES" });
    end();
  });

  it("waits beside a suspended VM, and comes back with it", async () => {
    const end = await followReadiness(house.cloud, SILENT);
    await report("YES");
    await house.cloud.vms.act(SYSTEM, vmId, "suspend");
    await house.until(vmId, "SUSPENDED");
    expect(await settled()).toEqual({ READY_ASIDE: "YES", OTHER: "stays" });
    await house.cloud.vms.act(SYSTEM, vmId, "resume");
    await house.until(vmId, "RUNNING");
    expect(await settled()).toEqual({ READY: "YES", OTHER: "stays" });
    end();
  });

  it("comes back when the guest would not shut down", async () => {
    const end = await followReadiness(house.cloud, SILENT);
    await report("YES");
    house.driver.follow((operation) => (operation === "shutdown" ? "hold" : "succeed"));
    await house.cloud.vms.act(SYSTEM, vmId, "poweroff");
    const shutdown = await house.driver.held();
    expect(await settled()).toEqual({ READY_ASIDE: "YES", OTHER: "stays" });
    shutdown.fail("it would not");
    await house.until(vmId, "RUNNING");
    expect(await settled()).toEqual({ READY: "YES", OTHER: "stays", ERROR: "it would not" });
    end();
  });

  it("goes when the guest ended with its house, and the next one boots it again", async () => {
    const store = memoryStore();
    const first = await scriptedHouse({ store, endsGuestsOnClose: true });
    const id = await first.cloud.vms.allocate(SYSTEM, text("NAME=a CPU=0.1 MEMORY=64"));
    await first.until(id, "RUNNING");
    await first.cloud.vms.updateUserTemplate(SYSTEM, id, { READY: "YES", OTHER: "stays" }, "append");
    await first.cloud.close();
    const next = await scriptedHouse({ store, endsGuestsOnClose: true, start: false });
    const end = await followReadiness(next.cloud, SILENT);
    await next.cloud.start();
    await next.until(id, "RUNNING");
    expect((await next.vm(id)).userTemplate).toEqual({ OTHER: "stays" });
    end();
    await next.cloud.close();
  });

  it("stays with a guest that was only lost sight of", async () => {
    const end = await followReadiness(house.cloud, SILENT);
    await report("YES");
    await house.cloud.monitoring.hostFailed(0, "no word of it");
    await house.until(vmId, "UNKNOWN");
    await house.cloud.vms.act(SYSTEM, vmId, "resume");
    await house.until(vmId, "RUNNING");
    expect(await settled()).toMatchObject({ READY: "YES" });
    end();
  });

  it("goes from VMs that went down while nobody looked", async () => {
    await report("YES");
    await house.cloud.vms.act(SYSTEM, vmId, "poweroff");
    await house.until(vmId, "POWEROFF");
    expect(await settled()).toMatchObject({ READY: "YES" });
    (await followReadiness(house.cloud, SILENT))();
    expect(await settled()).toEqual({ OTHER: "stays" });
  });
});
