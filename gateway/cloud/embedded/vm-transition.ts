/** A VM entering a phase: pure changes to its states, times and history. */

import { HISTORY_ACTION } from "../../../shared/states/history.ts";
import { VM_STATE } from "../../../shared/states/vm.ts";
import type { Actor } from "../actor.ts";
import type { HistoryRecord, Host, Vm } from "../model.ts";
import type { VmAction } from "../pools/vm-pool.ts";
import { codesOf, HISTORY_CODE, type Phase } from "./vm-machine.ts";

/** Stays that are remembered: a guest may stop and resume itself as often as it likes, and every one is a record. */
const MAX_HISTORY_RECORDS = 100;

/** The VM in its new phase. `now` in seconds since the epoch. */
export function enterPhase(vm: Vm, phase: Phase, now: number): Vm {
  const codes = codesOf(phase);
  const entered: Vm = {
    ...vm,
    ...codes,
    prevState: vm.state,
    prevLcmState: vm.lcmState,
    lastPoll: now,
  };
  switch (phase) {
    case "RUNNING":
      return { ...entered, history: editLast(vm.history, (record) => startRun(record, now)) };
    case "POWEROFF":
    case "SUSPENDED":
      return { ...entered, history: editLast(vm.history, (record) => endRun(record, now)) };
    case "STOPPED":
    case "UNDEPLOYED":
      return { ...entered, history: editLast(vm.history, (record) => endStay(record, now)) };
    case "DONE":
      return { ...entered, etime: now, history: editLast(vm.history, (record) => endStay(record, now)) };
    default:
      return entered;
  }
}

/** Writes down who asked for which action, where the VM is now; a stay that has ended keeps the action that ended it. */
export function noteAction(vm: Vm, action: VmAction, actor: Actor): Vm {
  if (currentStay(vm) === undefined) return vm;
  const note = { action: HISTORY_CODE[action], uid: actor.uid, gid: actor.gid };
  return { ...vm, history: editLast(vm.history, (record) => ({ ...record, ...note })) };
}

/** A new stay on a host, from a first boot or after STOPPED and UNDEPLOYED. */
export function deployOn(vm: Vm, host: Host, now: number): Vm {
  const phase = deployPhase(vm);
  const record: HistoryRecord = {
    seq: (vm.history.at(-1)?.seq ?? -1) + 1,
    hostName: host.name,
    hostId: host.id,
    clusterId: host.clusterId,
    vmMad: host.vmMad,
    tmMad: host.vmMad,
    datastoreId: 0,
    stime: now,
    etime: 0,
    pstime: now,
    petime: now,
    rstime: 0,
    retime: 0,
    estime: 0,
    eetime: 0,
    action: HISTORY_ACTION.NONE,
    uid: -1,
    gid: -1,
  };
  return { ...enterPhase(vm, phase, now), history: [...vm.history, record].slice(-MAX_HISTORY_RECORDS) };
}

/** PENDING says no more where the VM came from; the action that ended its last stay does. */
function deployPhase(vm: Vm): Phase {
  switch (vm.history.at(-1)?.action) {
    case undefined:
      return "BOOT";
    case HISTORY_ACTION.STOP:
      return "BOOT_STOPPED";
    default:
      return "BOOT_UNDEPLOY";
  }
}

/** The host a VM stays on; undefined before its first deployment and after it left. */
export function currentStay(vm: Vm): HistoryRecord | undefined {
  const record = vm.history.at(-1);
  return record !== undefined && record.etime === 0 && vm.state !== VM_STATE.DONE ? record : undefined;
}

function startRun(record: HistoryRecord, now: number): HistoryRecord {
  return { ...record, rstime: record.rstime || now, retime: 0 };
}

function endRun(record: HistoryRecord, now: number): HistoryRecord {
  return record.rstime > 0 && record.retime === 0 ? { ...record, retime: now } : record;
}

function endStay(record: HistoryRecord, now: number): HistoryRecord {
  return record.etime > 0 ? record : { ...endRun(record, now), etime: now };
}

function editLast(
  history: readonly HistoryRecord[],
  edit: (record: HistoryRecord) => HistoryRecord,
): readonly HistoryRecord[] {
  const last = history.at(-1);
  return last === undefined ? history : [...history.slice(0, -1), edit(last)];
}
