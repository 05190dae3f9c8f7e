/** HISTORY_RECORDS of a VM: its stays on hosts. */

import { z } from "zod";
import type { HistoryRecord, JsonObject, JsonValue } from "../model.ts";
import { id, integer, json, listOf, text } from "./fields.ts";
import { printList } from "./json-form.ts";
import { extraOf, layOut } from "./sections.ts";

const time = integer.default(0);

const shape = {
  OID: integer.optional(),
  SEQ: id.optional(),
  HOSTNAME: text.default(""),
  HID: integer.default(-1),
  CID: integer.default(-1),
  STIME: time,
  ETIME: time,
  VM_MAD: text.default(""),
  TM_MAD: text.default(""),
  DS_ID: integer.default(-1),
  PSTIME: time,
  PETIME: time,
  RSTIME: time,
  RETIME: time,
  ESTIME: time,
  EETIME: time,
  ACTION: integer.default(0),
  UID: integer.default(-1),
  GID: integer.default(-1),
};

const ORDER = [
  ...["OID", "SEQ", "HOSTNAME", "HID", "CID", "STIME", "ETIME", "VM_MAD", "TM_MAD", "DS_ID"],
  ...["PLAN_ID", "ACTION_ID", "PSTIME", "PETIME", "RSTIME", "RETIME", "ESTIME", "EETIME"],
  ...["ACTION", "UID", "GID", "REQUEST_ID"],
];

/** As recorded for a stay that no plan made and no request ended. */
const DEFAULTS = { PLAN_ID: "-1", ACTION_ID: "0", REQUEST_ID: "-1" };

const record = z.object(shape, { error: "must be an object" }).catchall(json);

export const historyRecords = listOf("HISTORY", record);

const NO_HISTORY = Object.freeze({ history: Object.freeze([]), rest: undefined });

/** The records, and by SEQ what the model does not name of each; undefined when there is nothing. */
export function historyFrom(read: z.output<typeof historyRecords>): {
  history: readonly HistoryRecord[];
  rest: JsonObject | undefined;
} {
  if (read.length === 0) return NO_HISTORY;
  const history = read.map((one, index) => recordFrom(one, one.SEQ ?? index));
  const rest = read.flatMap((one, index): [string, JsonObject][] => {
    const { extra } = extraOf(one, shape, DEFAULTS);
    return extra === undefined ? [] : [[String(one.SEQ ?? index), extra]];
  });
  return { history, rest: rest.length === 0 ? undefined : Object.fromEntries(rest) };
}

function recordFrom(read: z.output<typeof record>, seq: number): HistoryRecord {
  return {
    seq,
    hostName: read.HOSTNAME,
    hostId: read.HID,
    clusterId: read.CID,
    vmMad: read.VM_MAD,
    tmMad: read.TM_MAD,
    datastoreId: read.DS_ID,
    stime: read.STIME,
    etime: read.ETIME,
    pstime: read.PSTIME,
    petime: read.PETIME,
    rstime: read.RSTIME,
    retime: read.RETIME,
    estime: read.ESTIME,
    eetime: read.EETIME,
    action: read.ACTION,
    uid: read.UID,
    gid: read.GID,
  };
}

/** `rest` as `historyFrom` gave it. */
export function printHistory(
  vmId: number,
  history: readonly HistoryRecord[],
  rest: JsonObject | undefined,
): JsonValue {
  return printList(
    "HISTORY",
    history.map((one) => {
      const extra = rest?.[String(one.seq)] as JsonObject | undefined;
      return layOut(ORDER, recordFields(vmId, one), extra, DEFAULTS);
    }),
  );
}

function recordFields(vmId: number, one: HistoryRecord): JsonObject {
  return {
    OID: String(vmId),
    SEQ: String(one.seq),
    HOSTNAME: one.hostName,
    HID: String(one.hostId),
    CID: String(one.clusterId),
    STIME: String(one.stime),
    ETIME: String(one.etime),
    VM_MAD: one.vmMad,
    TM_MAD: one.tmMad,
    DS_ID: String(one.datastoreId),
    PSTIME: String(one.pstime),
    PETIME: String(one.petime),
    RSTIME: String(one.rstime),
    RETIME: String(one.retime),
    ESTIME: String(one.estime),
    EETIME: String(one.eetime),
    ACTION: String(one.action),
    UID: String(one.uid),
    GID: String(one.gid),
  };
}
