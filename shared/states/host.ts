/** States of a host, as in HOST/STATE. Only MONITORED hosts take VMs. */

import { nameOf } from "./names.ts";

export const HOST_STATE = {
  INIT: 0,
  MONITORING_MONITORED: 1,
  MONITORED: 2,
  ERROR: 3,
  DISABLED: 4,
  MONITORING_ERROR: 5,
  MONITORING_INIT: 6,
  MONITORING_DISABLED: 7,
  OFFLINE: 8,
} as const;

/** The name of a host state code; `UNKNOWN_STATE_77` for one that is not in the catalogue. */
export const hostStateName = nameOf(HOST_STATE, "STATE");
