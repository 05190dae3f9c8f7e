/** What guests do of their own accord, written down in their VMs, where owners look for it. */

import { type Clock, epochSeconds } from "../../../shared/clock.ts";
import type { Registry } from "../../store/registry.ts";
import type { Announce } from "./events.ts";
import { VMS } from "./kinds.ts";
import { phaseOf } from "./vm-machine.ts";
import { enterPhase } from "./vm-transition.ts";

export interface NoteParts {
  readonly registry: Registry;
  readonly announce: Announce;
  readonly clock: Clock;
  readonly log: { warn(fields: object, message: string): void };
}

/** Whoever has asked for its end knows; else OpenNebula calls that POWEROFF. Rejects when the store does. */
export async function noteEnd(parts: NoteParts, vmId: number, reason: string): Promise<void> {
  const { registry, announce, clock, log } = parts;
  await registry.transact((tx) => {
    const vm = tx.get(VMS, vmId);
    const phase = vm === undefined ? undefined : phaseOf(vm);
    if (vm === undefined || (phase !== "RUNNING" && phase !== "SUSPENDED" && phase !== "UNKNOWN")) return;
    const ended = enterPhase(vm, "POWEROFF", epochSeconds(clock));
    const noted = { ...ended, userTemplate: { ...ended.userTemplate, ERROR: reason } };
    announce(tx, { kind: "vm_state", vm: tx.put(VMS, noted), previous: vm });
    tx.after(() => log.warn({ vm: vmId, reason }, "guest ended on its own"));
  });
}

/** The log has it, whatever becomes of the VM; one that goes on running shows it, until its next action. */
export async function noteTrouble(parts: NoteParts, vmId: number, trouble: string): Promise<void> {
  const { registry, announce, log } = parts;
  await registry.transact((tx) => {
    const vm = tx.get(VMS, vmId);
    // A guest may cause the same trouble for ever.
    if (vm === undefined || vm.userTemplate.ERROR === trouble) return;
    tx.after(() => log.warn({ vm: vmId, trouble }, "guest is in trouble"));
    if (phaseOf(vm) !== "RUNNING") return;
    const told = tx.put(VMS, { ...vm, userTemplate: { ...vm.userTemplate, ERROR: trouble } });
    announce(tx, { kind: "vm_updated", vm: told, previous: vm });
  });
}
