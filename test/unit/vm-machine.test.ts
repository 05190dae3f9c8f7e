import { describe, expect, it } from "vitest";
import {
  codesOf,
  nextPhase,
  owedWork,
  type Phase,
  phaseOf,
} from "../../gateway/cloud/embedded/vm-machine.ts";
import { enterPhase } from "../../gateway/cloud/embedded/vm-transition.ts";
import type { Vm } from "../../gateway/cloud/model.ts";
import { VM_ACTIONS } from "../../gateway/cloud/pools/vm-pool.ts";
import { LCM_STATE } from "../../shared/states/lcm.ts";
import { VM_STATE } from "../../shared/states/vm.ts";
import { blankVm } from "../support/blank-vm.ts";

const PHASES: readonly Phase[] = [
  ...Object.keys(VM_STATE).filter((name): name is Phase => name !== "ACTIVE"),
  ...Object.keys(LCM_STATE).filter((name): name is Phase => name !== "LCM_INIT"),
] as const;

function vmIn(phase: Phase): Vm {
  return enterPhase(blankVm(), phase, 10);
}

describe("the VM machine", () => {
  it("gives every phase its pair of OpenNebula codes, and back", () => {
    for (const phase of PHASES) expect(phaseOf(codesOf(phase))).toBe(phase);
  });

  it("leads from every phase that owes work to one at rest, whether the driver succeeds or fails", () => {
    for (const start of PHASES) {
      for (const outcome of ["done", "failed"] as const) {
        let phase: Phase = start;
        for (let steps = 0; ; steps += 1) {
          const owed = owedWork(vmIn(phase));
          if (owed === undefined) break;
          expect(steps, `${start} never rests`).toBeLessThan(5);
          phase = owed[outcome];
        }
      }
    }
  });

  it("never leaves DONE", () => {
    for (const action of VM_ACTIONS) expect(nextPhase(vmIn("DONE"), action)).toBeUndefined();
  });

  // Seed 003's table of valid states for actions from inside a VM (spec onegate-cli.md 3).
  it.each([
    ["resume", ["STOPPED", "SUSPENDED", "UNDEPLOYED", "POWEROFF"]],
    ["stop", ["RUNNING"]],
    ["suspend", ["RUNNING"]],
    ["reboot", ["RUNNING"]],
    ["poweroff", ["RUNNING"]],
    ["resched", ["RUNNING", "POWEROFF"]],
    ["unresched", ["RUNNING", "POWEROFF"]],
    ["hold", ["PENDING"]],
    ["release", ["HOLD"]],
  ] as const)("offers %s in the states that the guide names", (action, phases) => {
    for (const phase of phases) expect(nextPhase(vmIn(phase), action), phase).toBeDefined();
    for (const phase of ["PENDING", "HOLD", "BOOT", "SHUTDOWN", "RUNNING"] as const) {
      const named = phases.some((name) => name === phase);
      expect(nextPhase(vmIn(phase), action) !== undefined, phase).toBe(named);
    }
  });

  it("terminates from anywhere but where a driver is at work, and hard even there", () => {
    for (const phase of PHASES) {
      const vm = vmIn(phase);
      if (phase === "DONE") continue;
      if (owedWork(vm) === undefined && nextPhase(vm, "terminate-hard") !== undefined) {
        expect(nextPhase(vm, "terminate"), phase).toBeDefined();
      }
    }
    expect(nextPhase(vmIn("BOOT"), "terminate")).toBeUndefined();
    expect(nextPhase(vmIn("BOOT"), "terminate-hard")).toBe("CLEANUP_DELETE");
  });
});
