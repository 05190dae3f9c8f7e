/** The HOST document. VMS and the usage in HOST_SHARE are derived from the VMs there, so they are printed and not read. */

import { z } from "zod";
import { HOST_STATE } from "../../../shared/states/host.ts";
import { stringOf, type Template } from "../../../shared/template/types.ts";
import type { Host, JsonObject, Vm } from "../model.ts";
import {
  id,
  ids,
  integer,
  isJsonObject,
  json,
  readDocument,
  reporter,
  requiredText,
  text,
  type Unversioned,
} from "./fields.ts";
import { EMPTY, isEmptyElement, printIds } from "./json-form.ts";
import { extraOf, layOut } from "./sections.ts";
import { template } from "./template-part.ts";

/** Derived from the VMs. */
const USAGE = ["MEM_USAGE", "CPU_USAGE", "RUNNING_VMS"];

const share = z.unknown().transform((given, context): JsonObject | undefined => {
  if (isEmptyElement(given)) return undefined;
  if (!isJsonObject(given)) {
    reporter(context)([], "must be an object");
    return undefined;
  }
  const kept = Object.entries(given).filter(([name]) => !USAGE.includes(name));
  return kept.length === 0 ? undefined : Object.fromEntries(kept);
});

const shape = {
  ID: id,
  NAME: requiredText,
  STATE: integer.default(HOST_STATE.MONITORED),
  PREV_STATE: integer.optional(),
  IM_MAD: text.default("dummy"),
  VM_MAD: text.default("dummy"),
  CLUSTER_ID: integer.default(0),
  CLUSTER: text.default("default"),
  HOST_SHARE: share.optional(),
  VMS: ids,
  TEMPLATE: template,
};

const schema = z.object(shape).catchall(json);

/** HOST_SHARE is kept as it came, but for the usage. */
const { HOST_SHARE: _kept, ...others } = shape;

const ORDER = [
  ...["ID", "NAME", "STATE", "PREV_STATE", "IM_MAD", "VM_MAD", "CLUSTER_ID", "CLUSTER"],
  ...["HOST_SHARE", "VMS", "TEMPLATE", "MONITORING"],
];

/** HOST_SHARE, but for the usage, of a host that was never monitored. */
const EMPTY_SHARE: JsonObject = Object.freeze({
  TOTAL_MEM: "0",
  TOTAL_CPU: "0",
  MAX_MEM: "0",
  MAX_CPU: "0",
  VMS_THREAD: "1",
  DATASTORES: EMPTY,
  PCI_DEVICES: EMPTY,
  NUMA_NODES: EMPTY,
});

const SHARE_ORDER = [
  ...["MEM_USAGE", "CPU_USAGE", "TOTAL_MEM", "TOTAL_CPU", "MAX_MEM", "MAX_CPU", "RUNNING_VMS", "VMS_THREAD"],
  ...["DATASTORES", "PCI_DEVICES", "NUMA_NODES"],
];

const DEFAULTS = { HOST_SHARE: EMPTY_SHARE, MONITORING: EMPTY };

/** What is measured on a host, in the document's own form; each replaces what was imported. */
export interface HostReadings {
  /** Members of HOST_SHARE: TOTAL_MEM, MAX_CPU, DATASTORES, ... */
  readonly share?: JsonObject | undefined;
  readonly monitoring?: JsonObject | undefined;
  /** TEMPLATE without what HOST_SHARE shows, and with what is only known while the house runs. */
  readonly template?: Template | undefined;
}

/** `{"HOST": {...}}`; `vms` are those that hold capacity there (`hostIdOf`). */
export function hostToDocument(
  host: Unversioned<Host>,
  vms: readonly Pick<Vm, "id" | "template">[],
  readings: HostReadings = {},
): JsonObject {
  const kept = host.extra?.HOST_SHARE as JsonObject | undefined;
  const fields: JsonObject = {
    ID: String(host.id),
    NAME: host.name,
    STATE: String(host.state),
    PREV_STATE: String(host.prevState),
    IM_MAD: host.imMad,
    VM_MAD: host.vmMad,
    CLUSTER_ID: String(host.clusterId),
    CLUSTER: host.cluster,
    HOST_SHARE: layOut(SHARE_ORDER, usageOf(vms), { ...kept, ...readings.share }, EMPTY_SHARE),
    VMS: printIds(vms.map((vm) => vm.id).sort((left, right) => left - right)),
    TEMPLATE: readings.template ?? host.template,
    ...(readings.monitoring && { MONITORING: readings.monitoring }),
  };
  return { HOST: layOut(ORDER, fields, host.extra, DEFAULTS) };
}

/** Capacity given to VMs: KiB of memory, hundredths of a CPU. */
function usageOf(vms: readonly Pick<Vm, "template">[]): JsonObject {
  const sum = (attribute: string, unit: number) =>
    vms.reduce((total, vm) => total + Math.round((Number(stringOf(vm.template, attribute)) || 0) * unit), 0);
  return {
    MEM_USAGE: String(sum("MEMORY", 1024)),
    CPU_USAGE: String(sum("CPU", 100)),
    RUNNING_VMS: String(vms.length),
  };
}

/** @throws GatehouseError `bad_request` with the path of the bad field. */
export function hostFromDocument(value: unknown, path = ""): Unversioned<Host> {
  const read = readDocument("HOST", schema, value, path);
  return {
    id: read.ID,
    name: read.NAME,
    state: read.STATE,
    prevState: read.PREV_STATE ?? read.STATE,
    imMad: read.IM_MAD,
    vmMad: read.VM_MAD,
    clusterId: read.CLUSTER_ID,
    cluster: read.CLUSTER,
    template: read.TEMPLATE,
    ...extraOf(read, others, DEFAULTS),
  };
}
