/** A VM as one.vmpool.info has it since 5.8: what a table shows, in the recorded order. */

import { type Template, type Vector, vectorsOf } from "../../shared/template/types.ts";
import { vmToDocument } from "../cloud/document/vm.ts";
import type { HistoryRecord, JsonObject, JsonValue, Vm } from "../cloud/model.ts";

const HEAD = [
  ...["ID", "UID", "GID", "UNAME", "GNAME", "NAME", "LAST_POLL", "STATE", "LCM_STATE", "RESCHED"],
  ...["STIME", "ETIME", "DEPLOY_ID"],
];
const MACHINE = ["CPU", "MEMORY", "VCPU"];
const NIC = [
  ...["IP", "EXTERNAL_IP", "IP6", "IP6_ULA", "IP6_LINK", "IP6_GLOBAL", "MAC"],
  ...["NETWORK", "NETWORK_ID", "NIC_ID", "SECURITY_GROUPS"],
];
/** What lists of VMs show; the original leaves it empty. */
const READING = ["CPU", "ID", "MEMORY", "NETRX", "NETTX", "TIMESTAMP"];
const NOTES = [
  ...["LABELS", "ERROR", "SCHED_MESSAGE", "SCHED_RANK", "SCHED_DS_RANK", "SCHED_REQUIREMENTS"],
  ...["SCHED_DS_REQUIREMENTS", "USER_PRIORITY"],
];

/** `{"VM": {...}}`; of the history, the last stay. */
export function vmToShortDocument(vm: Vm): JsonObject {
  const whole = vmToDocument({ ...vm, template: {}, userTemplate: {}, history: [] }).VM as JsonObject;
  const last = vm.history.at(-1);
  return {
    VM: {
      ...picked(whole, HEAD),
      TEMPLATE: { ...picked(vm.template, MACHINE), ...shortNics(vm.template) },
      MONITORING: picked(vm.monitoring, READING),
      USER_TEMPLATE: picked(vm.userTemplate, NOTES),
      HISTORY_RECORDS: last === undefined ? {} : { HISTORY: shortRecord(vm.id, last) },
    },
  };
}

function picked(from: Template | JsonObject, names: readonly string[]): JsonObject {
  const source: JsonObject = from;
  const entries = names.flatMap((name): [string, JsonValue][] => {
    const value = source[name];
    return value === undefined ? [] : [[name, value]];
  });
  return Object.fromEntries(entries);
}

function shortNics(template: Template): JsonObject {
  const short = (name: string) => {
    const nics = vectorsOf(template, name).map((nic: Vector) => picked(nic, NIC));
    return nics.length === 0 ? {} : { [name]: nics };
  };
  return { ...short("NIC"), ...short("NIC_ALIAS") };
}

function shortRecord(vmId: number, record: HistoryRecord): JsonObject {
  return {
    OID: String(vmId),
    SEQ: String(record.seq),
    HOSTNAME: record.hostName,
    HID: String(record.hostId),
    CID: String(record.clusterId),
    DS_ID: String(record.datastoreId),
    VM_MAD: record.vmMad,
    TM_MAD: record.tmMad,
    ACTION: String(record.action),
  };
}
