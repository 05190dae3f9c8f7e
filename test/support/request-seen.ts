/** A request as the frame tells of it, with whatever a test says otherwise. */

import type { RequestSeen } from "../../gateway/onegate/sight/observer.ts";

export function requestSeen(other: Partial<RequestSeen> = {}): RequestSeen {
  return {
    id: "run-1",
    route: "/vm",
    method: "GET",
    path: "/vm",
    address: "10.0.0.5",
    vmId: 7,
    status: 200,
    durationMs: 0.02,
    note: undefined,
    refusal: undefined,
    ...other,
  };
}
