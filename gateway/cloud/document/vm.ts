/** The VM document (spec core-xmlrpc.md 3). */

import { z } from "zod";
import { VM_STATE } from "../../../shared/states/vm.ts";
import type { JsonObject, Vm } from "../model.ts";
import { flag, integer, joinPath, json, readDocument, text, type Unversioned } from "./fields.ts";
import { EMPTY, printBare, printFlag, printIds } from "./json-form.ts";
import { OWNED_ORDER, ownedFrom, ownedShape, printOwned } from "./owned.ts";
import { extraOf, layOut } from "./sections.ts";
import { template } from "./template-part.ts";
import { historyFrom, historyRecords, printHistory } from "./vm-history.ts";
import { putSchedule, takeSchedule } from "./vm-schedule.ts";
import { putSnapshots, templateWithSnapshots } from "./vm-snapshots.ts";

const shape = {
  ...ownedShape,
  LAST_POLL: integer.default(0),
  STATE: integer.default(VM_STATE.PENDING),
  LCM_STATE: integer.default(0),
  PREV_STATE: integer.optional(),
  PREV_LCM_STATE: integer.optional(),
  RESCHED: flag.default(false),
  STIME: integer.default(0),
  ETIME: integer.default(0),
  DEPLOY_ID: text.default(""),
  MONITORING: template,
  // Ids alone: the actions themselves stand in TEMPLATE.
  SCHED_ACTIONS: json.optional(),
  TEMPLATE: templateWithSnapshots.prefault({}),
  USER_TEMPLATE: template,
  HISTORY_RECORDS: historyRecords,
};

const schema = z.object(shape).catchall(json);

const ORDER = [
  ...OWNED_ORDER,
  ...["PERMISSIONS", "LAST_POLL", "STATE", "LCM_STATE", "PREV_STATE", "PREV_LCM_STATE", "RESCHED"],
  ...["STIME", "ETIME", "DEPLOY_ID", "LOCK", "MONITORING", "SCHED_ACTIONS", "TEMPLATE", "USER_TEMPLATE"],
  ...["HISTORY_RECORDS", "SNAPSHOTS", "BACKUPS"],
];

const DEFAULTS = {
  BACKUPS: Object.freeze({ BACKUP_CONFIG: EMPTY, BACKUP_IDS: EMPTY }),
};

/** Parts of `extra` that belong into other sections: by SEQ what a record has besides, by id what a snapshot has. */
const HISTORY_REST = "HISTORY";
const SNAPSHOT_REST = "SNAPSHOT";

/** `{"VM": {...}}`, every leaf a string. */
export function vmToDocument(vm: Unversioned<Vm>): JsonObject {
  const { [HISTORY_REST]: historyRest, [SNAPSHOT_REST]: snapshotRest, ...extra } = vm.extra ?? {};
  const fields = {
    ...printOwned(vm),
    LAST_POLL: String(vm.lastPoll),
    STATE: String(vm.state),
    LCM_STATE: String(vm.lcmState),
    PREV_STATE: String(vm.prevState),
    PREV_LCM_STATE: String(vm.prevLcmState),
    RESCHED: printFlag(vm.resched),
    STIME: String(vm.stime),
    ETIME: String(vm.etime),
    DEPLOY_ID: printBare(vm.deployId),
    MONITORING: vm.monitoring,
    SCHED_ACTIONS: printIds((vm.scheduledActions ?? []).map(({ id }) => id)),
    TEMPLATE: putSchedule(
      putSnapshots(vm.template, vm.snapshots, snapshotRest as JsonObject | undefined),
      vm.id,
      vm.scheduledActions,
    ),
    USER_TEMPLATE: vm.userTemplate,
    HISTORY_RECORDS: printHistory(vm.id, vm.history, historyRest as JsonObject | undefined),
  };
  return { VM: layOut(ORDER, fields, extra, DEFAULTS) };
}

/** @throws GatehouseError `bad_request` with the path of the bad field, which begins with `path` (`vms[3]`). */
export function vmFromDocument(value: unknown, path = ""): Unversioned<Vm> {
  const read = readDocument("VM", schema, value, path);
  const { history, rest: historyRest } = historyFrom(read.HISTORY_RECORDS);
  const { template: whole, snapshots, rest: snapshotRest } = read.TEMPLATE;
  const schedule = takeSchedule(whole, joinPath(path, ["VM", "TEMPLATE"]));
  const { extra: sections } = extraOf(read, shape, DEFAULTS);
  const extra: JsonObject = {
    ...sections,
    ...(historyRest && { [HISTORY_REST]: historyRest }),
    ...(snapshotRest && { [SNAPSHOT_REST]: snapshotRest }),
  };
  return {
    ...ownedFrom(read, `one-${read.ID}`),
    state: read.STATE,
    lcmState: read.LCM_STATE,
    prevState: read.PREV_STATE ?? read.STATE,
    prevLcmState: read.PREV_LCM_STATE ?? read.LCM_STATE,
    resched: read.RESCHED,
    stime: read.STIME,
    etime: read.ETIME,
    lastPoll: read.LAST_POLL,
    deployId: read.DEPLOY_ID,
    template: schedule.template,
    userTemplate: read.USER_TEMPLATE,
    monitoring: read.MONITORING,
    history,
    snapshots,
    ...(schedule.actions.length > 0 && { scheduledActions: schedule.actions }),
    ...(Object.keys(extra).length > 0 && { extra }),
  };
}

/** The host whose capacity a VM takes: that of its last record, while it is ACTIVE, SUSPENDED or POWEROFF. */
export function hostIdOf(vm: Pick<Vm, "state" | "history">): number | undefined {
  const holds =
    vm.state === VM_STATE.ACTIVE || vm.state === VM_STATE.SUSPENDED || vm.state === VM_STATE.POWEROFF;
  const hostId = holds ? vm.history.at(-1)?.hostId : undefined;
  return hostId === undefined || hostId < 0 ? undefined : hostId;
}
