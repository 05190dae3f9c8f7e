/**
 * READY follows the guest (setting `clearReady`; the original keeps a YES for ever). While a VM is on its way down, or
 * suspended, its READY is put aside: a guest that would not shut down, or is resumed, goes on without a report. Once it
 * is down, READY is gone, and the guest reports anew when it has booted.
 *
 *     RUNNING ──▶ shutting down, suspended: aside ──▶ RUNNING: READY again
 *                        └──▶ powered off, stopped, undeployed, failed: gone
 *
 * One that runs no more, since it ended with the house, is booted again by the next: gone as well.
 */

import { errorText } from "../../shared/errors.ts";
import type { Logger } from "../../shared/log.ts";
import { CHANGED_WHILE_UP, LCM_STATE } from "../../shared/states/lcm.ts";
import { VM_STATE } from "../../shared/states/vm.ts";
import { stringOf, type Template } from "../../shared/template/types.ts";
import { SYSTEM } from "../cloud/actor.ts";
import type { Cloud } from "../cloud/cloud.ts";
import type { Vm } from "../cloud/model.ts";

/** Where READY waits meanwhile. */
const ASIDE = "READY_ASIDE";

/** An empty vector removes an attribute. */
const GONE = {};

/** The guest runs, or nobody knows better: hot plugs, live migrations and lost contact do not end it. */
const UP: ReadonlySet<number> = new Set([
  LCM_STATE.RUNNING,
  LCM_STATE.MIGRATE,
  LCM_STATE.UNKNOWN,
  ...CHANGED_WHILE_UP,
]);

/** The guest is on its way down, or its memory waits on disk. */
const LEAVING: ReadonlySet<number> = new Set([
  LCM_STATE.SHUTDOWN,
  LCM_STATE.SHUTDOWN_POWEROFF,
  LCM_STATE.SHUTDOWN_UNDEPLOY,
  LCM_STATE.CANCEL,
  LCM_STATE.SAVE_SUSPEND,
  LCM_STATE.SAVE_STOP,
  LCM_STATE.SAVE_MIGRATE,
  LCM_STATE.PROLOG_MIGRATE,
  LCM_STATE.BOOT_MIGRATE,
  LCM_STATE.BOOT_SUSPENDED,
]);

/** A guest that boots may report before its VM is seen to run. */
const BOOTING: ReadonlySet<number> = new Set([
  LCM_STATE.PROLOG,
  LCM_STATE.BOOT,
  LCM_STATE.BOOT_POWEROFF,
  LCM_STATE.BOOT_UNKNOWN,
  LCM_STATE.BOOT_UNDEPLOY,
  LCM_STATE.BOOT_STOPPED,
]);

/**
 * Follows the cloud's VMs, those that went down unseen first; the returned function ends it.
 * @throws GatehouseError `unavailable` when the cloud cannot be read; nothing is followed then.
 */
export async function followReadiness(
  cloud: Pick<Cloud, "vms" | "subscribe">,
  log: Logger,
): Promise<() => void> {
  const settle = async (vm: Vm, previous: Vm | undefined): Promise<void> => {
    const change = changeOf(vm, previous);
    if (change === undefined) return;
    try {
      await cloud.vms.updateUserTemplate(SYSTEM, vm.id, change, "append");
    } catch (error) {
      log.warn({ vmId: vm.id, reason: errorText(error) }, "READY of a VM could not be cleared");
    }
  };
  const unsubscribe = cloud.subscribe((event) => {
    if (event.kind === "vm_state") void settle(event.vm, event.previous ?? event.vm);
  });
  try {
    for (const vm of await cloud.vms.list(SYSTEM)) await settle(vm, undefined);
    return unsubscribe;
  } catch (error) {
    unsubscribe();
    throw error;
  }
}

/** What must change in the user template, for a VM that was `previous`, or that nobody saw before; undefined: nothing. */
function changeOf(vm: Vm, previous: Vm | undefined): Template | undefined {
  const ready = stringOf(vm.userTemplate, "READY");
  const aside = stringOf(vm.userTemplate, ASIDE);
  if (vm.state === VM_STATE.DONE || (ready === undefined && aside === undefined)) return undefined;
  if (isUp(vm)) {
    const cameUp = previous === undefined || !isUp(previous);
    if (!cameUp || aside === undefined) return undefined;
    return ready === undefined ? { READY: aside, [ASIDE]: GONE } : { [ASIDE]: GONE };
  }
  if (isLeaving(vm)) return ready === undefined ? undefined : { READY: GONE, [ASIDE]: ready };
  if (isBootedAgain(vm, previous)) return { READY: GONE, [ASIDE]: GONE };
  if (isIn(vm, BOOTING)) return aside === undefined ? undefined : { [ASIDE]: GONE };
  return { READY: GONE, [ASIDE]: GONE };
}

/** Its guest has not begun yet; of one that was UNKNOWN the guest may be there all the time. */
function isBootedAgain({ state, lcmState }: Vm, previous: Vm | undefined): boolean {
  return (
    state === VM_STATE.ACTIVE &&
    lcmState === LCM_STATE.BOOT_UNKNOWN &&
    previous?.state === VM_STATE.ACTIVE &&
    previous.lcmState === LCM_STATE.RUNNING
  );
}

function isUp(vm: Vm): boolean {
  return isIn(vm, UP);
}

function isLeaving(vm: Vm): boolean {
  return vm.state === VM_STATE.SUSPENDED || isIn(vm, LEAVING);
}

function isIn({ state, lcmState }: Vm, phases: ReadonlySet<number>): boolean {
  return state === VM_STATE.ACTIVE && phases.has(lcmState);
}
