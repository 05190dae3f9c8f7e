/** SYSTEM_HOST and MONITOR_HOST: the host's attributes, and the wild VMs on it (spec monitoring.md 6 and 8). */

import type { Template, Value, Vector } from "../template/types.ts";
import type { MessageType } from "./message.ts";
import { textInBase64, vmId, vmVectors, without } from "./read-record.ts";
import type { HostReading, WildVm } from "./readings.ts";

const WILD_NAMES = ["ID", "VM_NAME", "DEPLOY_ID", "IMPORT_TEMPLATE"] as const;

/** @throws MonitorRefusal `unreadable` for a VM that is not as expected, `too_large` for too many. */
export function readHost(type: MessageType, template: Template): HostReading {
  const vectors = vmVectors(type, template);
  const isWild = vectors.map((vector) => vmId(type, vector) < 0);
  const others = vectors.filter((_, index) => !isWild[index]);
  return {
    kind: "host",
    attributes: { ...without(template, ["VM"]), ...standing(others) },
    wilds: vectors.filter((_, index) => isWild[index]).map((vector) => readWild(type, vector)),
  };
}

function readWild(type: MessageType, vector: Vector): WildVm {
  return {
    name: vector.VM_NAME ?? "",
    deployId: vector.DEPLOY_ID ?? "",
    importTemplate: textInBase64(type, vector, "IMPORT_TEMPLATE"),
    more: without(vector, WILD_NAMES),
  };
}

/** Records of known VMs have no meaning here; they are kept like any other attribute. */
function standing(others: readonly Vector[]): { readonly [name: string]: Value | readonly Value[] } {
  const [first, second] = others;
  if (first === undefined) return {};
  return { VM: second === undefined ? first : others };
}
