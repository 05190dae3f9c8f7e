/** Which VMs of a role count in the mean of a metric. */

import { LCM_STATE } from "../../../shared/states/lcm.ts";
import { VM_STATE } from "../../../shared/states/vm.ts";

/** Their owner will resume them: "just like running VMs" for elasticity (seed 003, 1.4.6). */
const RESTING: ReadonlySet<number> = new Set([
  VM_STATE.SUSPENDED,
  VM_STATE.POWEROFF,
  VM_STATE.STOPPED,
  VM_STATE.UNDEPLOYED,
]);

/** Those that run, and those at rest; none that is being made, changed or ended, or of which nothing is known. */
export function countsInMeans(state: number, lcmState: number): boolean {
  return (state === VM_STATE.ACTIVE && lcmState === LCM_STATE.RUNNING) || RESTING.has(state);
}
