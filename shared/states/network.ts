/** States of a virtual network, as in VNET/STATE (spec core-xmlrpc.md 3; releases before 6.0 have none). */

import { nameOf } from "./names.ts";

export const NETWORK_STATE = {
  INIT: 0,
  READY: 1,
  LOCK_CREATE: 2,
  LOCK_DELETE: 3,
  DONE: 4,
  ERROR: 5,
  UPDATE_FAILURE: 6,
} as const;

/** The name of a network state code; `UNKNOWN_STATE_77` for one that is not in the catalogue. */
export const networkStateName = nameOf(NETWORK_STATE, "STATE");
