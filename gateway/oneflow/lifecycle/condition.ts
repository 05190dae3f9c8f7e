/** From OpenNebula's two state codes of a VM to what they mean to a service (spec oneflow-lifecycle.md 4 and 9). */

import { CHANGED_WHILE_UP, LCM_STATE } from "../../../shared/states/lcm.ts";
import { VM_STATE } from "../../../shared/states/vm.ts";
import type { VmCondition } from "./events.ts";

const BY_STATE: ReadonlyMap<number, VmCondition> = new Map<number, VmCondition>([
  [VM_STATE.INIT, "starting"],
  [VM_STATE.PENDING, "starting"],
  [VM_STATE.HOLD, "held"],
  [VM_STATE.STOPPED, "resting"],
  [VM_STATE.SUSPENDED, "resting"],
  [VM_STATE.DONE, "done"],
  [VM_STATE.FAILED, "failed"],
  [VM_STATE.POWEROFF, "powered_off"],
  [VM_STATE.UNDEPLOYED, "resting"],
  [VM_STATE.CLONING, "starting"],
  [VM_STATE.CLONING_FAILURE, "failed"],
]);

const ENDING: readonly number[] = [
  LCM_STATE.EPILOG,
  LCM_STATE.SHUTDOWN,
  LCM_STATE.CANCEL,
  LCM_STATE.CLEANUP_DELETE,
];

/** The codes of LCM states by what their names say, for the many that only vary a theme. */
function named(pattern: RegExp): readonly number[] {
  return Object.entries(LCM_STATE).flatMap(([name, code]) => (pattern.test(name) ? [code] : []));
}

const each = (condition: VmCondition, codes: readonly number[]) =>
  codes.map((code): readonly [number, VmCondition] => [code, condition]);

/** Later rows win. What no row names is on its way up, or between two other conditions. */
const BY_LCM_STATE: ReadonlyMap<number, VmCondition> = new Map([
  ...each("starting", Object.values(LCM_STATE)),
  ...each("powered_off", named(/^(?!BOOT|SHUTDOWN).*_POWEROFF$|^RESTORE$/)),
  ...each(
    "resting",
    named(/^(?!BOOT|SAVE|SHUTDOWN|EPILOG|PROLOG_UNDEPLOY).*_(SUSPEND|SUSPENDED|UNDEPLOYED|STOPPED)$/),
  ),
  ...each("running", [LCM_STATE.RUNNING, LCM_STATE.MIGRATE, ...CHANGED_WHILE_UP]),
  ...each("unknown", [LCM_STATE.UNKNOWN, LCM_STATE.PROLOG_MIGRATE_UNKNOWN]),
  ...each("ending", ENDING),
  ...each("failed", named(/FAILURE$/)),
]);

/** Codes of no catalogue mean `unknown`: nothing is known about such a VM. */
export function vmCondition(state: number, lcmState: number): VmCondition {
  if (state === VM_STATE.ACTIVE) return BY_LCM_STATE.get(lcmState) ?? "unknown";
  return BY_STATE.get(state) ?? "unknown";
}
