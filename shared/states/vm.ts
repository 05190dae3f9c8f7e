/** States of a VM, as in VM/STATE (spec core-xmlrpc.md 3). */

import { lcmStateName } from "./lcm.ts";
import { nameOf } from "./names.ts";

export const VM_STATE = {
  INIT: 0,
  PENDING: 1,
  HOLD: 2,
  ACTIVE: 3,
  STOPPED: 4,
  SUSPENDED: 5,
  DONE: 6,
  FAILED: 7,
  POWEROFF: 8,
  UNDEPLOYED: 9,
  CLONING: 10,
  CLONING_FAILURE: 11,
} as const;

/** The name of a VM state code; `UNKNOWN_STATE_77` for one that is not in the catalogue. */
export const vmStateName = nameOf(VM_STATE, "STATE");

/** One word for both codes: the LCM state while the VM is ACTIVE, else the VM state (spec onegate-cli.md 3). */
export function vmStateText(state: number, lcmState: number): string {
  return state === VM_STATE.ACTIVE ? lcmStateName(lcmState) : vmStateName(state);
}
