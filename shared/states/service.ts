/** States of a service, as in the `state` of its document (spec oneflow-lifecycle.md 1). */

import { nameOf } from "./names.ts";

export const SERVICE_STATE = {
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
  DEPLOYING_NETS: 11,
  UNDEPLOYING_NETS: 12,
  FAILED_DEPLOYING_NETS: 13,
  FAILED_UNDEPLOYING_NETS: 14,
  HOLD: 15,
} as const;

/** The name of a service state code; `UNKNOWN_STATE_77` for one that is not in the catalogue. */
export const serviceStateName = nameOf(SERVICE_STATE, "STATE");
