/** When an action that repeats comes next. Pure; days and hours of the day are of the local calendar. */

import type { ActionRepeat, RepeatEnd, ScheduledAction } from "../../model.ts";

const HOUR_S = 3_600;
/** A day of every kind comes within a leap cycle, a 29 February across 2100 among them. */
const MAX_DAYS_AHEAD = 8 * 366 + 1;

/** Is there anything left to be done? */
export function isPending({ time, done, end }: ScheduledAction): boolean {
  if (end?.kind === "times" && end.left <= 0) return false;
  if (end?.kind === "date" && time > end.at) return false;
  return done === undefined || done < time;
}

/** The action once it was done at `now`; one that repeats is set to its next time after that. All in seconds since the epoch. */
export function afterDoing(action: ScheduledAction, now: number): ScheduledAction {
  const done = { ...action, done: Math.max(now, action.time), message: "" };
  if (action.repeat === undefined) return done;
  const end = lessOnce(action.end);
  const time = nextTime(action.repeat, action.time, now);
  return { ...done, ...(end && { end }), ...(time !== undefined && { time }) };
}

function lessOnce(end: RepeatEnd | undefined): RepeatEnd | undefined {
  return end?.kind === "times" ? { kind: "times", left: Math.max(0, end.left - 1) } : end;
}

/**
 * The first time after both `last` and `now` (seconds since the epoch) that the rule names, at the time of day of `last`.
 * Those that were missed meanwhile are passed over. Undefined when no such day comes.
 */
export function nextTime({ unit, days }: ActionRepeat, last: number, now: number): number | undefined {
  const [hours = 0] = days;
  if (unit === "hourly") {
    if (hours <= 0) return undefined;
    const period = hours * HOUR_S;
    return last + period * (Math.floor(Math.max(0, now - last) / period) + 1);
  }
  const after = Math.max(last, now);
  const clock = new Date(last * 1_000);
  const start = new Date(after * 1_000);
  for (let ahead = 0; ahead <= MAX_DAYS_AHEAD; ahead += 1) {
    const day = new Date(
      start.getFullYear(),
      start.getMonth(),
      start.getDate() + ahead,
      clock.getHours(),
      clock.getMinutes(),
      clock.getSeconds(),
    );
    const time = Math.floor(day.getTime() / 1_000);
    if (time > after && days.includes(numberOf(day, unit))) return time;
  }
  return undefined;
}

function numberOf(day: Date, unit: Exclude<ActionRepeat["unit"], "hourly">): number {
  if (unit === "weekly") return day.getDay();
  if (unit === "monthly") return day.getDate();
  const newYear = Date.UTC(day.getFullYear(), 0, 1);
  return (Date.UTC(day.getFullYear(), day.getMonth(), day.getDate()) - newYear) / (24 * HOUR_S * 1_000);
}
