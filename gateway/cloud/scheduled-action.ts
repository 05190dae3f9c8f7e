/**
 * SCHED_ACTION vectors: read from templates (one.vm.schedadd, charters) and documents, checked, and written again. The
 * codes of REPEAT and END_TYPE are OpenNebula's (spec core-xmlrpc.md 3).
 */

import { GatehouseError } from "../../shared/errors.ts";
import type { Vector } from "../../shared/template/types.ts";
import type { ActionRepeat, RepeatEnd, ScheduledAction } from "./model.ts";
import { type ActionSchedule, VM_ACTIONS } from "./pools/vm-pool.ts";

/** What can be done at a time, besides VM_ACTIONS. */
export const SNAPSHOT_ACTIONS = ["snapshot-create", "snapshot-revert", "snapshot-delete"] as const;

const POSSIBLE: ReadonlySet<string> = new Set([...VM_ACTIONS, ...SNAPSHOT_ACTIONS]);

/** By REPEAT's code, with the bounds of DAYS. */
const REPEATS = [
  { unit: "weekly", first: 0, last: 6 },
  { unit: "monthly", first: 1, last: 31 },
  { unit: "yearly", first: 0, last: 365 },
  { unit: "hourly", first: 1, last: 168 },
] as const satisfies readonly { unit: ActionRepeat["unit"]; first: number; last: number }[];

/** By END_TYPE's code. */
const ENDS = ["never", "times", "date"] as const satisfies readonly RepeatEnd["kind"][];

const NONE = "-1";
const MAX_ARGS_LENGTH = 1_024;
/** Beyond the year 9999 no Date reaches far. */
const MAX_TIME = 253_402_300_799;

/** A whole SCHED_ACTION. @throws GatehouseError `bad_request` naming the attribute. */
export function readSchedule(vector: Vector): ActionSchedule {
  const { action, time, ...rest } = readScheduleChanges(vector);
  if (action === undefined) throw refused("No ACTION in template for Scheduled Action.");
  if (time === undefined) throw badTime("");
  const schedule = { action, time, ...rest };
  checkSchedule(schedule);
  return schedule;
}

/** The attributes that are there. @throws GatehouseError `bad_request` naming the attribute. */
export function readScheduleChanges(vector: Vector): Partial<ActionSchedule> {
  const { ACTION, ARGS, TIME, REPEAT, DAYS, END_TYPE } = vector;
  if (REPEAT === undefined && DAYS) throw refused("DAYS needs REPEAT beside it.");
  return {
    ...(ACTION && { action: ACTION }),
    ...(ARGS !== undefined && { args: ARGS }),
    ...(TIME && { time: readTime(TIME) }),
    ...(REPEAT !== undefined && REPEAT !== "" && { repeat: readRepeat(REPEAT, DAYS ?? "") }),
    ...(END_TYPE !== undefined && END_TYPE !== "" && { end: readEnd(END_TYPE, vector.END_VALUE ?? "") }),
  };
}

/** What no cloud of ours would do. @throws GatehouseError `bad_request`. */
export function checkSchedule({ action, args = "", time, repeat, end }: ActionSchedule): void {
  if (/^disk-snapshot-|^backup/.test(action)) {
    const missing = action.startsWith("backup") ? "Backups" : "Disks";
    throw refused(`${missing} are not available in this cloud, so ${action} cannot be scheduled.`);
  }
  if (!POSSIBLE.has(action)) throw refused(`${action} is not supported.`);
  const seconds = typeof time === "number" ? time : time.sinceStart;
  if (!isWhole(seconds, 0, MAX_TIME)) throw badTime(String(seconds));
  if (args.length > MAX_ARGS_LENGTH) throw refused(`ARGS holds at most ${MAX_ARGS_LENGTH} characters.`);
  if ((action === "snapshot-revert" || action === "snapshot-delete") && !/^\d{1,9}$/.test(args.trim()))
    throw refused(`ARGS of ${action} must be the id of a snapshot, not "${args}".`);
  if (repeat !== undefined) checkDays(repeat);
  if (end?.kind === "times" && !isWhole(end.left, 0, MAX_TIME)) throw badEnd(String(end.left));
  if (end?.kind === "date" && !isWhole(end.at, 0, MAX_TIME)) throw badEnd(String(end.at));
}

function checkDays({ unit, days }: ActionRepeat): void {
  const bounds = REPEATS.find((known) => known.unit === unit);
  if (bounds === undefined) throw refused(`Wrong REPEAT value: ${unit}.`);
  if (days.length === 0) throw refused("Repeat set, but DAYS are empty.");
  const { first, last } = bounds;
  const within = days.every((day) => isWhole(day, first, last)) && (unit !== "hourly" || days.length === 1);
  if (within) return;
  const what = unit === "hourly" ? "DAYS of an hourly action must be one number" : `DAYS must be numbers`;
  throw refused(`${what} from ${first} to ${last} for REPEAT ${unit}, not "${days.join(",")}".`);
}

/** Seconds since the epoch, or `+` seconds since the VM was made. */
function readTime(text: string): ActionSchedule["time"] {
  const [, plus, digits] = /^\s*(\+?)(\d{1,12})\s*$/.exec(text) ?? [];
  if (digits === undefined) throw badTime(text);
  return plus === "" ? Number(digits) : { sinceStart: Number(digits) };
}

function readRepeat(code: string, days: string): ActionRepeat | undefined {
  if (code.trim() === NONE) return undefined;
  const known = REPEATS[codeOf("REPEAT", code)];
  if (known === undefined) throw refused(`Wrong REPEAT value: ${code}; -1 to 3 are known.`);
  const numbers = days.split(",").filter((day) => day.trim() !== "");
  return { unit: known.unit, days: numbers.map((day) => codeOf("DAYS", day)) };
}

function readEnd(code: string, value: string): RepeatEnd | undefined {
  if (code.trim() === NONE) return undefined;
  switch (ENDS[codeOf("END_TYPE", code)]) {
    case "never":
      return { kind: "never" };
    case "times":
      return { kind: "times", left: codeOf("END_VALUE", value) };
    case "date":
      return { kind: "date", at: codeOf("END_VALUE", value) };
    default:
      throw refused(`Wrong END_TYPE value: ${code}; -1 to 2 are known.`);
  }
}

function codeOf(name: string, text: string): number {
  if (/^\s*\d{1,12}\s*$/.test(text)) return Number(text);
  throw refused(`${name} must be a whole number, not "${text}".`);
}

function isWhole(value: number, first: number, last: number): boolean {
  return Number.isSafeInteger(value) && value >= first && value <= last;
}

function badTime(text: string): GatehouseError {
  return refused(`Unable to parse the time value or value is empty: ${text}`);
}

function badEnd(text: string): GatehouseError {
  return refused(`END_VALUE must be a whole number, not "${text}".`);
}

function refused(message: string): GatehouseError {
  return new GatehouseError("bad_request", message);
}

/** A SCHED_ACTION of a document, every attribute in OpenNebula's order; what is not set is -1 or empty, as there. */
export function printScheduledAction(vmId: number, scheduled: ScheduledAction): Vector {
  const { repeat, end } = scheduled;
  return {
    ID: String(scheduled.id),
    PARENT_ID: String(vmId),
    TYPE: "VM",
    ACTION: scheduled.action,
    ARGS: scheduled.args,
    TIME: String(scheduled.time),
    REPEAT: repeat === undefined ? NONE : String(REPEATS.findIndex(({ unit }) => unit === repeat.unit)),
    DAYS: repeat?.days.join(",") ?? "",
    END_TYPE: end === undefined ? NONE : String(ENDS.indexOf(end.kind)),
    END_VALUE: endValue(end),
    DONE: scheduled.done === undefined ? NONE : String(scheduled.done),
    MESSAGE: scheduled.message,
    ...(scheduled.warning !== undefined && { WARNING: scheduled.warning }),
  };
}

function endValue(end: RepeatEnd | undefined): string {
  if (end?.kind === "times") return String(end.left);
  return end?.kind === "date" ? String(end.at) : NONE;
}

/**
 * The other way round, for what another cloud printed: any ACTION is taken, and refused when it is due.
 * @throws GatehouseError `bad_request` naming the attribute.
 */
export function readScheduledAction(vector: Vector): ScheduledAction {
  const { action = "", args = "", time, repeat, end } = readScheduleChanges(vector);
  if (typeof time !== "number") throw badTime(vector.TIME ?? "");
  if (repeat !== undefined) checkDays(repeat);
  const { DONE = NONE, MESSAGE = "", WARNING } = vector;
  return {
    id: codeOf("ID", vector.ID ?? ""),
    action,
    args,
    time,
    ...(repeat && { repeat }),
    ...(end && { end }),
    ...(DONE !== "" && DONE.trim() !== NONE && { done: codeOf("DONE", DONE) }),
    message: MESSAGE,
    ...(WARNING && { warning: WARNING }),
  };
}
