/** STATE_VM: states of VMs, changed ones or all of the host (spec monitoring.md 7). */

import { isYes, stringOf, type Template, type Vector } from "../template/types.ts";
import { vmId, vmVectors, without } from "./read-record.ts";
import { REPORTED_STATES, type ReportedState, type StatesReading, type VmStateReading } from "./readings.ts";

const RECORD_NAMES = ["ID", "DEPLOY_ID", "STATE"] as const;
const HEAD_NAMES = ["VM", "SYNC_STATE", "MISSING_STATE"] as const;

/** @throws MonitorRefusal `unreadable` for a VM that is not as expected, `too_large` for too many. */
export function readStates(template: Template): StatesReading {
  const missing = stringOf(template, "MISSING_STATE");
  return {
    kind: "states",
    sync: isYes(stringOf(template, "SYNC_STATE")),
    missingState: missing === undefined ? undefined : reportedState(missing),
    vms: vmVectors("STATE_VM", template).map(readState),
    more: without(template, HEAD_NAMES),
  };
}

function readState(vector: Vector): VmStateReading {
  return {
    id: vmId("STATE_VM", vector),
    deployId: vector.DEPLOY_ID ?? "",
    state: reportedState(vector.STATE ?? ""),
    more: without(vector, RECORD_NAMES),
  };
}

/**
 * A state nobody knows is UNKNOWN: were the record passed over instead, a full report would take the VM for missing,
 * and power it off.
 */
export function reportedState(text: string): ReportedState {
  const upper = text.trim().toUpperCase();
  return REPORTED_STATES.find((state) => state === upper) ?? "UNKNOWN";
}
