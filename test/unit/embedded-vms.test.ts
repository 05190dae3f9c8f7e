import { describe, expect, it } from "vitest";
import { SYSTEM } from "../../gateway/cloud/actor.ts";
import type { Vm } from "../../gateway/cloud/model.ts";
import { vectorOf, vectorsOf } from "../../shared/template/types.ts";
import { phase, recordEvents, untilPhase } from "../conformance/cloud/setup.ts";
import { testCloud, text } from "../support/embedded.ts";
import { scriptedDriver } from "../support/scripted-driver.ts";

// What every cloud must do with VMs is in test/conformance/cloud; what failing drivers, stores and crashes do is in
// test/fault. Here is what is the embedded cloud's own.

const VM = text('NAME = "web" CONTEXT = [ TOKEN = "YES" ]');

describe("VMs of the embedded cloud", () => {
  it("pass through OpenNebula's phases, one event each", async () => {
    const { cloud } = await testCloud();
    const events = recordEvents(cloud);
    const id = await cloud.vms.allocate(SYSTEM, VM);
    for (const [action, rest] of [
      [undefined, "RUNNING"],
      ["stop", "STOPPED"],
      ["resume", "RUNNING"],
      ["undeploy", "UNDEPLOYED"],
      ["resume", "RUNNING"],
      ["terminate", "DONE"],
    ] as const) {
      if (action !== undefined) await cloud.vms.act(SYSTEM, id, action);
      await untilPhase(cloud, SYSTEM, id, rest);
    }
    const passed = events.flatMap((event) => (event.kind === "vm_state" ? [phase(event.vm)] : []));
    expect(passed.join(" ")).toBe(
      "PENDING BOOT RUNNING SAVE_STOP EPILOG_STOP STOPPED PENDING BOOT_STOPPED RUNNING " +
        "SHUTDOWN_UNDEPLOY EPILOG_UNDEPLOY UNDEPLOYED PENDING BOOT_UNDEPLOY RUNNING SHUTDOWN EPILOG DONE",
    );
  });

  it("learn where OneGate is, and stay on the host that took them", async () => {
    const { cloud } = await testCloud();
    const id = await cloud.vms.allocate(SYSTEM, VM);
    const vm = await untilPhase(cloud, SYSTEM, id, "RUNNING");
    expect(vectorOf(vm.template, "CONTEXT")).toMatchObject({
      ONEGATE_ENDPOINT: "http://127.0.0.1:5030",
      VMID: String(id),
    });
    expect(vm.history).toMatchObject([{ seq: 0, hostName: "host0", vmMad: "dummy", etime: 0 }]);
    expect(vm.deployId).toBe("host0:web:dummy");
  });

  it("are told in which state an action would be right", async () => {
    const { cloud } = await testCloud();
    const id = await cloud.vms.allocate(SYSTEM, VM);
    await untilPhase(cloud, SYSTEM, id, "RUNNING");
    await expect(cloud.vms.act(SYSTEM, id, "hold")).rejects.toMatchObject({
      message:
        'Error performing action "hold": This action is not available for state RUNNING (only for PENDING).',
    });
  });

  it("get no interface with which their driver would not boot them any more", async () => {
    const isOdd = (vm: Vm) => vectorsOf(vm.template, "NIC").some(({ MODEL }) => MODEL === "odd");
    const driver = scriptedDriver({ refusal: (vm) => (isOdd(vm) ? "MODEL odd is none." : undefined) });
    const { cloud } = await testCloud({ driver });
    await cloud.networks.allocate(
      SYSTEM,
      text('NAME = "lan" BRIDGE = "b" AR = [ TYPE = "ETHER", SIZE = "9" ]'),
    );
    const id = await cloud.vms.allocate(SYSTEM, VM);
    await untilPhase(cloud, SYSTEM, id, "RUNNING");
    const attach = (model: string) =>
      cloud.vms.attachNic(SYSTEM, id, text(`NIC = [ NETWORK = "lan", MODEL = "${model}" ]`));
    await expect(attach("odd")).rejects.toMatchObject({ code: "bad_request", message: "MODEL odd is none." });
    expect(vectorsOf((await cloud.vms.get(SYSTEM, id)).template, "NIC")).toEqual([]);
    expect(await attach("virtio")).toBe(0);
  });

  it("are placed by the hundreds in one turn, evenly", async () => {
    const { cloud } = await testCloud();
    const second = await cloud.hosts.allocate(SYSTEM, { name: "host1", imMad: "dummy", vmMad: "dummy" });
    const ids = await Promise.all(Array.from({ length: 500 }, () => cloud.vms.allocate(SYSTEM, VM)));
    for (const id of ids) await untilPhase(cloud, SYSTEM, id, "RUNNING");
    const placed = (await cloud.vms.list(SYSTEM)).map((vm) => vm.history[0]?.hostId);
    expect(placed.filter((hostId) => hostId === second)).toHaveLength(250);
  });
});
