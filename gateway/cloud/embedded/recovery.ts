/** After a start, or an import: what each VM owed when the last process stopped is taken up, and guests are looked for. */

import { epochSeconds } from "../../../shared/clock.ts";
import { VM_STATE } from "../../../shared/states/vm.ts";
import type { Vm } from "../model.ts";
import type { Announce } from "./events.ts";
import { VMS } from "./kinds.ts";
import type { PoolContext } from "./pool.ts";
import type { Scheduler } from "./scheduler.ts";
import { owedWork, type Phase, phaseOf } from "./vm-machine.ts";
import type { VmRunner } from "./vm-runner.ts";
import { enterPhase } from "./vm-transition.ts";

/** VMs whose guests are looked for side by side. */
const MAX_PARALLEL = 64;

export interface Recovery {
  readonly context: PoolContext;
  readonly runner: VmRunner;
  readonly scheduler: Scheduler;
  readonly announce: Announce;
  /** VMs whose guests the house itself ended when it closed: they boot again. */
  readonly closedWithHouse: ReadonlySet<number>;
}

/** Resolves when every VM has been looked at; what they owe goes on in the background. */
export async function recover(recovery: Recovery): Promise<void> {
  const present: Vm[] = [];
  for (const vm of recovery.context.registry.collection(VMS).values()) {
    if (vm.state === VM_STATE.PENDING) recovery.scheduler.enqueue(vm.id);
    else if (owedWork(vm) !== undefined) recovery.runner.kick(vm);
    else if (shouldHaveGuest(vm)) present.push(vm);
  }
  const queue = present.values();
  const looker = async () => {
    for (const vm of queue) await lookFor(recovery, vm);
  };
  await Promise.all(Array.from({ length: MAX_PARALLEL }, looker));
}

function shouldHaveGuest(vm: Vm): boolean {
  const phase = phaseOf(vm);
  return phase === "RUNNING" || phase === "SUSPENDED";
}

/** VMs of drivers the house does not have (an imported world's) are left as they are. */
async function lookFor(recovery: Recovery, vm: Vm): Promise<void> {
  if (!(await recovery.runner.isGone(vm))) return;
  if (!recovery.closedWithHouse.has(vm.id)) {
    await recovery.runner.guestEnded(vm.id, "The guest was gone when the house started.");
    return;
  }
  await bootAgain(recovery, vm, phaseOf(vm) === "RUNNING" ? "BOOT_UNKNOWN" : "POWEROFF");
}

async function bootAgain(recovery: Recovery, vm: Vm, phase: Phase): Promise<void> {
  const { registry, clock } = recovery.context;
  await registry.transact((tx) => {
    const newest = tx.get(VMS, vm.id);
    // Someone may have asked for something else while its guest was looked for.
    if (newest === undefined || phaseOf(newest) !== phaseOf(vm)) return;
    const moved = tx.put(VMS, enterPhase(newest, phase, epochSeconds(clock)));
    recovery.announce(tx, { kind: "vm_state", vm: moved, previous: newest });
  });
}
