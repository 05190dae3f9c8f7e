/** Reports and batches for tests of the time series. */

import { type Subject, writeReport } from "../../gateway/store/series/batch.ts";
import { ByteWriter } from "../../gateway/store/series/bytes.ts";
import type { HostReport, Stay } from "../../gateway/store/series.ts";
import type { VmReading } from "../../shared/monitor/readings.ts";

const NAMES: readonly string[] = ["CPU", "MEMORY", "NETRX"];

/** A VM's reading: `cpu` in percent, the rest follows from it. */
export function reading(id: number, cpu: number): VmReading {
  return { id, deployId: `one-${id}`, names: NAMES, values: [cpu, 1_000 + cpu, 5 * cpu], more: {} };
}

/** A report of one VM. */
export function report(hostId: number, at: number, vmId: number, cpu: number): HostReport {
  return { hostId, at, vms: [reading(vmId, cpu)] };
}

/** As the worker thread gets it. */
export function batchOf(reports: readonly HostReport[], subject: Subject = "vms"): Uint8Array {
  const writer = new ByteWriter();
  for (const { hostId, at, vms } of reports) writeReport(writer, subject, hostId, at, vms);
  return writer.bytes();
}

export const ALWAYS: Pick<Stay, "from" | "to"> = { from: 0, to: Number.POSITIVE_INFINITY };
