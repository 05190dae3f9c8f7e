/** The driver of simulated VMs: it starts nothing and remembers nothing, so 100,000 of them cost nothing. */

import type { Clock } from "../../../../shared/clock.ts";
import { GatehouseError } from "../../../../shared/errors.ts";
import { CHANGED_WHILE_UP, LCM_STATE } from "../../../../shared/states/lcm.ts";
import { VM_STATE } from "../../../../shared/states/vm.ts";
import type { Vm } from "../../model.ts";
import type { Driver, GuestStatus } from "../driver.ts";

export interface DummyDriverOptions {
  readonly clock: Clock;
  /** How long a VM takes to boot, in ms; 0: it runs at once, without a timer. */
  readonly bootMs: number;
}

/** What an ACTIVE VM may be doing while its guest is up. */
const GUEST_IS_UP: ReadonlySet<number> = new Set([
  LCM_STATE.RUNNING,
  LCM_STATE.MIGRATE,
  LCM_STATE.SAVE_STOP,
  LCM_STATE.SAVE_SUSPEND,
  LCM_STATE.SAVE_MIGRATE,
  LCM_STATE.SHUTDOWN,
  LCM_STATE.CANCEL,
  LCM_STATE.UNKNOWN,
  ...CHANGED_WHILE_UP,
  LCM_STATE.SHUTDOWN_POWEROFF,
  LCM_STATE.SHUTDOWN_UNDEPLOY,
]);

/** A driver whose guests run exactly when their VM's state says so, so they outlive restarts of the house. */
export function dummyDriver({ clock, bootMs }: DummyDriverOptions): Driver {
  const boots = new Set<() => void>();
  const atOnce = async (): Promise<void> => {};
  return {
    name: "dummy",
    endsGuestsOnClose: false,
    refusal: () => undefined,
    async deploy(vm) {
      if (bootMs > 0) await boot(clock, bootMs, boots);
      return deployIdOf(vm);
    },
    shutdown: atOnce,
    reboot: atOnce,
    suspend: atOnce,
    resume: atOnce,
    cleanup: atOnce,
    status: async (vm) => dummyStatus(vm),
    // A simulated guest never ends by itself.
    onExit: () => {},
    async close() {
      for (const cancel of boots) cancel();
    },
  };
}

/** As OpenNebula's dummy driver names them: `<host>:<vm name>:dummy`. */
function deployIdOf(vm: Vm): string {
  return `${vm.history.at(-1)?.hostName ?? ""}:${vm.name}:dummy`;
}

/** What the state of its VM makes of a simulated guest. */
export function dummyStatus(vm: Vm): GuestStatus {
  if (vm.state === VM_STATE.SUSPENDED) return "paused";
  if (vm.state !== VM_STATE.ACTIVE) return "gone";
  if (vm.lcmState === LCM_STATE.BOOT_SUSPENDED) return "paused";
  return GUEST_IS_UP.has(vm.lcmState) ? "running" : "gone";
}

/** Waits for the boot; `boots` holds the ways to call off those under way. */
function boot(clock: Clock, bootMs: number, boots: Set<() => void>): Promise<void> {
  return new Promise((resolve, reject) => {
    const cancelTimer = clock.after(bootMs, () => {
      boots.delete(cancel);
      resolve();
    });
    const cancel = (): void => {
      cancelTimer();
      boots.delete(cancel);
      reject(new GatehouseError("unavailable", "The boot was called off, because the house closes."));
    };
    boots.add(cancel);
  });
}
