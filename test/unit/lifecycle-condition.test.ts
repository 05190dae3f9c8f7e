import { describe, expect, it } from "vitest";
import { vmCondition } from "../../gateway/oneflow/lifecycle/condition.ts";
import { LCM_STATE } from "../../shared/states/lcm.ts";
import { VM_STATE } from "../../shared/states/vm.ts";

const of = (name: keyof typeof VM_STATE) => vmCondition(VM_STATE[name], 0);
const active = (name: keyof typeof LCM_STATE) => vmCondition(VM_STATE.ACTIVE, LCM_STATE[name]);

describe("what a VM's states mean to a service", () => {
  it("by VM state", () => {
    expect((["INIT", "PENDING", "CLONING"] as const).map(of)).toEqual(Array(3).fill("starting"));
    expect((["STOPPED", "SUSPENDED", "UNDEPLOYED"] as const).map(of)).toEqual(Array(3).fill("resting"));
    expect((["FAILED", "CLONING_FAILURE"] as const).map(of)).toEqual(Array(2).fill("failed"));
    expect((["HOLD", "DONE", "POWEROFF"] as const).map(of)).toEqual(["held", "done", "powered_off"]);
  });

  it("every failure state of the specification is failed", () => {
    for (const name of Object.keys(LCM_STATE) as (keyof typeof LCM_STATE)[])
      expect(active(name) === "failed").toBe(name.endsWith("FAILURE"));
  });

  it.each([
    ["running", ["RUNNING", "HOTPLUG", "HOTPLUG_NIC", "DISK_SNAPSHOT", "BACKUP", "MIGRATE"]],
    ["unknown", ["UNKNOWN"]],
    ["ending", ["SHUTDOWN", "CANCEL", "EPILOG", "CLEANUP_DELETE"]],
    [
      "starting",
      ["PROLOG", "BOOT", "BOOT_POWEROFF", "BOOT_SUSPENDED", "PROLOG_UNDEPLOY", "CLEANUP_RESUBMIT"],
    ],
    ["starting", ["SAVE_SUSPEND", "SAVE_STOP", "SHUTDOWN_POWEROFF", "EPILOG_UNDEPLOY", "SHUTDOWN_UNDEPLOY"]],
    ["powered_off", ["BACKUP_POWEROFF", "HOTPLUG_NIC_POWEROFF", "DISK_RESIZE_POWEROFF"]],
    ["resting", ["DISK_SNAPSHOT_SUSPENDED", "DISK_RESIZE_UNDEPLOYED", "HOTPLUG_SAVEAS_STOPPED"]],
  ] as const)("ACTIVE and %s: %j", (condition, names) => {
    for (const name of names) expect([name, active(name)]).toEqual([name, condition]);
  });

  it("codes that no release has are unknown", () => {
    expect(vmCondition(99, 0)).toBe("unknown");
    expect(vmCondition(VM_STATE.ACTIVE, 999)).toBe("unknown");
  });
});
