/** The scheduled actions of one VM: put in, changed, taken out and marked done. Pure changes to the VM. */

import { GatehouseError } from "../../../../shared/errors.ts";
import { type Template, vectorsOf } from "../../../../shared/template/types.ts";
import type { Transaction } from "../../../store/transaction.ts";
import type { ScheduledAction, Vm } from "../../model.ts";
import type { ActionSchedule } from "../../pools/vm-pool.ts";
import { checkSchedule, readSchedule } from "../../scheduled-action.ts";
import { checkRoom } from "../bounds.ts";
import { SCHEDULED_ACTIONS } from "../kinds.ts";
import { afterDoing, isPending } from "./recurrence.ts";

/** Of one VM, those that were done among them: the oldest of these give way. */
const MAX_SCHEDULED_ACTIONS = 100;

/** The VM with one more action. @throws GatehouseError `bad_request`, or `conflict` when it has too many. */
export function addAction(
  tx: Transaction,
  vm: Vm,
  schedule: ActionSchedule,
): { readonly vm: Vm; readonly actionId: number } {
  const kept = makeRoom(vm.scheduledActions ?? []);
  const action = newAction(tx.nextId(SCHEDULED_ACTIONS), schedule, vm.stime);
  return { vm: { ...vm, scheduledActions: [...kept, action] }, actionId: action.id };
}

function makeRoom(actions: readonly ScheduledAction[]): readonly ScheduledAction[] {
  if (actions.length < MAX_SCHEDULED_ACTIONS) return actions;
  const oldest = actions.find((action) => !isPending(action));
  if (oldest !== undefined) return actions.filter((action) => action !== oldest);
  checkRoom(actions.length, MAX_SCHEDULED_ACTIONS, "scheduled actions that wait");
  return actions;
}

function newAction(id: number, schedule: ActionSchedule, stime: number): ScheduledAction {
  checkSchedule(schedule);
  const { action, args = "", time, repeat, end } = schedule;
  return { id, action, args, time: absolute(time, stime), repeat, end, message: "" };
}

function absolute(time: ActionSchedule["time"], stime: number): number {
  return typeof time === "number" ? time : stime + time.sinceStart;
}

/** Charters: the SCHED_ACTIONs of a new VM's text, and the text without them. @throws GatehouseError `bad_request`. */
export function takeCharters(
  tx: Transaction,
  text: Template,
  stime: number,
): { readonly rest: Template; readonly actions: readonly ScheduledAction[] } {
  const { SCHED_ACTION: given, ...rest } = text;
  if (given === undefined) return { rest: text, actions: [] };
  const vectors = vectorsOf(text, "SCHED_ACTION").filter((vector) => Object.keys(vector).length > 0);
  checkRoom(vectors.length - 1, MAX_SCHEDULED_ACTIONS, "scheduled actions that wait");
  const actions = vectors.map((vector) =>
    newAction(tx.nextId(SCHEDULED_ACTIONS), readSchedule(vector), stime),
  );
  return { rest, actions };
}

/** @throws GatehouseError `not_found`, or `bad_request`. */
export function changeAction(vm: Vm, actionId: number, changes: Partial<ActionSchedule>): Vm {
  const before = actionOf(vm, actionId);
  const given = { ...before, ...changes };
  checkSchedule(given);
  const after = { ...given, time: absolute(given.time, vm.stime), message: "" };
  return withAction(vm, before, after);
}

/** @throws GatehouseError `not_found`. */
export function removeAction(vm: Vm, actionId: number): Vm {
  return withAction(vm, actionOf(vm, actionId), undefined);
}

/** Done, or refused for the reason given: either way it is not done again at this time. `now` in seconds since the epoch. */
export function markDone(vm: Vm, actionId: number, now: number, refusal = ""): Vm {
  const before = vm.scheduledActions?.find(({ id }) => id === actionId);
  if (before === undefined) return vm;
  return withAction(vm, before, { ...afterDoing(before, now), message: refusal });
}

/** A reason that came later. */
export function noteRefusal(vm: Vm, actionId: number, refusal: string): Vm {
  const before = vm.scheduledActions?.find(({ id }) => id === actionId);
  return before === undefined ? vm : withAction(vm, before, { ...before, message: refusal });
}

/** The action that has to be done first; undefined when none waits. */
export function firstAction(vm: Vm): ScheduledAction | undefined {
  let first: ScheduledAction | undefined;
  for (const action of vm.scheduledActions ?? []) {
    if (isPending(action) && (first === undefined || action.time < first.time)) first = action;
  }
  return first;
}

/** @throws GatehouseError `not_found`. */
export function actionOf(vm: Vm, actionId: number): ScheduledAction {
  const found = vm.scheduledActions?.find(({ id }) => id === actionId);
  if (found === undefined)
    throw new GatehouseError("not_found", `Error getting scheduled action [${actionId}].`);
  return found;
}

function withAction(vm: Vm, before: ScheduledAction, after: ScheduledAction | undefined): Vm {
  const { scheduledActions = [], ...rest } = vm;
  const left = scheduledActions.flatMap((action) => (action === before ? (after ?? []) : action));
  return left.length === 0 ? rest : { ...rest, scheduledActions: left };
}
