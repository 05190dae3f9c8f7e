/** States of a role of a service (spec oneflow-lifecycle.md 1): as a service's up to 10, but HOLD is 11. */

import { nameOf } from "./names.ts";

export const ROLE_STATE = {
  PENDING: 0,
  DEPLOYING: 1,
  RUNNING: 2,
  UNDEPLOYING: 3,
  WARNING: 4,
  DONE: 5,
  FAILED_UNDEPLOYING: 6,
  FAILED_DEPLOYING: 7,
  SCALING: 8,
  FAILED_SCALING: 9,
  COOLDOWN: 10,
  HOLD: 11,
} as const;

/** The name of a role state code; `UNKNOWN_STATE_77` for one that is not in the catalogue. */
export const roleStateName = nameOf(ROLE_STATE, "STATE");
