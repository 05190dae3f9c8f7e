/** MONITOR_VM: `VM=[ID=,DEPLOY_ID=,MONITOR="base64 of KEY=value lines"]` as rows of metrics. */

import { errorText } from "../errors.ts";
import { parseTemplate } from "../template/parse.ts";
import type { Template, Value, Vector } from "../template/types.ts";
import { MAX_VM_ATTRIBUTES } from "./limits.ts";
import { metricValue } from "./metric-value.ts";
import { plainLines } from "./plain-lines.ts";
import { textInBase64, vmId, vmVectors, without } from "./read-record.ts";
import type { MetricValue, VmReading, VmsReading } from "./readings.ts";
import { MonitorRefusal } from "./refusal.ts";

const RECORD_NAMES = ["ID", "DEPLOY_ID", "MONITOR"] as const;

/** Lists of names, one for each combination, so that the readings of a message share them. */
type SharedNames = Map<string, readonly string[]>;

/** @throws MonitorRefusal `unreadable` for a VM that is not as expected, `too_large` for too many. */
export function readVms(template: Template): VmsReading {
  const shared: SharedNames = new Map();
  return {
    kind: "vms",
    vms: vmVectors("MONITOR_VM", template).map((vector) => readVm(vector, shared)),
    more: without(template, ["VM"]),
  };
}

function readVm(vector: Vector, shared: SharedNames): VmReading {
  const id = vmId("MONITOR_VM", vector);
  const monitor = readMonitor(id, textInBase64("MONITOR_VM", vector, "MONITOR"));
  // A record with more than the three names (upstream's drivers once put metrics there) loses none of them.
  const all = Object.keys(vector).length > 3 ? { ...without(vector, RECORD_NAMES), ...monitor } : monitor;
  return withSharedNames(vmReading(id, vector.DEPLOY_ID ?? "", all), shared);
}

function readMonitor(id: number, text: string): Template {
  try {
    return plainLines(text) ?? parseTemplate(text);
  } catch (error) {
    throw new MonitorRefusal("unreadable", `MONITOR of VM ${id} is no template: ${errorText(error)}`, {
      cause: error,
    });
  }
}

/**
 * A reading from the attributes of a VM, as probes that need no text make it.
 * @throws MonitorRefusal `too_large` above MAX_VM_ATTRIBUTES.
 */
export function vmReading(id: number, deployId: string, attributes: Template): VmReading {
  const names: string[] = [];
  const values: MetricValue[] = [];
  const more: [string, Value | readonly Value[]][] = [];
  for (const name of Object.keys(attributes)) {
    const value = attributes[name];
    if (typeof value === "string") {
      names.push(name);
      values.push(metricValue(name, value));
    } else if (value !== undefined) more.push([name, value]);
  }
  if (names.length + more.length > MAX_VM_ATTRIBUTES)
    throw new MonitorRefusal(
      "too_large",
      `VM ${id} has ${names.length + more.length} attributes: at most ${MAX_VM_ATTRIBUTES} may be.`,
    );
  return { id, deployId, names, values, more: Object.fromEntries(more) };
}

function withSharedNames(reading: VmReading, shared: SharedNames): VmReading {
  const key = reading.names.join(" ");
  const names = shared.get(key);
  if (names !== undefined) return { ...reading, names };
  shared.set(key, reading.names);
  return reading;
}
