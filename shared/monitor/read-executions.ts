/** EXEC_VM: what commands run inside VMs came to, as the guest agent told (spec monitoring.md 8). */

import type { Template } from "../template/types.ts";
import { vmId, vmVectors, without } from "./read-record.ts";
import type { ExecutionsReading } from "./readings.ts";

/** @throws MonitorRefusal `unreadable` for a VM that is not as expected, `too_large` for too many. */
export function readExecutions(template: Template): ExecutionsReading {
  return {
    kind: "executions",
    vms: vmVectors("EXEC_VM", template).map((vector) => ({
      id: vmId("EXEC_VM", vector),
      fields: without(vector, ["ID"]),
    })),
    more: without(template, ["VM"]),
  };
}
