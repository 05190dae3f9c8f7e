/**
 * The `start_time` of a scheduled policy: seconds since the epoch, or a date and a time in the ways that people and
 * the seeds write them ("2nd oct 2017 15:45"; spec elasticity.md 6).
 */

import { excerpt, PolicyTextError } from "./error.ts";
import { isReal, openZone, type WallTime, type Zone } from "./zone.ts";

export interface StartTime {
  readonly text: string;
  /**
   * In seconds since the epoch. What the text leaves out (the day, the year) is taken from `nowSeconds`, as the
   * original does, which reads the text anew each time: "15:45" is every day.
   */
  at(nowSeconds: number): number;
}

const MAX_LENGTH = 64;
const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAY = /^(?:sun|mon|tue|tues|wed|wednes|thu|thur|thurs|fri|sat|satur)(?:day)?\b[.,]?\s*/;
const TIME = /(?:^|[\s,t])([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(?:\.[0-9]{1,9})?)?(?:\s*(am|pm))?/;
const OFFSET = /\s*(?:(?<![a-z])(z|utc|gmt)|([+-])([0-9]{2}):?([0-9]{2}))$/;
const COMPACT = /^([0-9]{4})([0-9]{2})([0-9]{2})t([0-9]{2})([0-9]{2})([0-9]{2})(?=z|[+-]|$)/;

const MONTH = "([a-z]{3,9})\\.?";
const DAY = "([0-9]{1,2})(?:st|nd|rd|th)?";
/** Each with the order of its groups. A slash between small numbers means day/month, as the original reads it. */
const DATES: readonly (readonly [RegExp, readonly ("year" | "month" | "day")[]])[] = [
  [/^([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})$/, ["year", "month", "day"]],
  [/^([0-9]{4})\/([0-9]{1,2})\/([0-9]{1,2})$/, ["year", "month", "day"]],
  [/^([0-9]{1,2})[/.]([0-9]{1,2})[/.]([0-9]{4})$/, ["day", "month", "year"]],
  [new RegExp(`^${DAY}[\\s-]+(?:of\\s+)?${MONTH}[\\s,-]+([0-9]{4})$`), ["day", "month", "year"]],
  [new RegExp(`^${DAY}[\\s-]+(?:of\\s+)?${MONTH}$`), ["day", "month"]],
  [new RegExp(`^${MONTH}\\s+${DAY}[\\s,]+([0-9]{4})$`), ["month", "day", "year"]],
  [new RegExp(`^${MONTH}\\s+${DAY}$`), ["month", "day"]],
];

/**
 * @param zone IANA name, for texts without an offset of their own; undefined: the zone of the process.
 * @throws PolicyTextError for what is no time, with the forms that are.
 */
export function parseStartTime(text: string | number, zone?: string | undefined): StartTime {
  const given = String(text).trim();
  if (/^[0-9]{1,12}$/.test(given)) return { text: given, at: () => Number(given) };
  if (given.length > MAX_LENGTH) throw notATime(given);
  const clock = openZone(zone);
  const { date, time, offsetMinutes } = parted(given);
  const at = (nowSeconds: number): WallTime => {
    const { year, month, day } = clock.wallAt(nowSeconds * 1000);
    return { ...(date === undefined ? { year, month, day } : { year, ...date }), ...time };
  };
  // 29 February without a year is a day only of some years; it is taken for a day here, and waits for one.
  if (!isReal({ year: 2000, month: 1, day: 1, ...date, ...time })) throw notATime(given);
  return {
    text: given,
    at: (nowSeconds) => Math.floor(momentOf(at(nowSeconds), offsetMinutes, clock) / 1000),
  };
}

type PartialDate = Pick<WallTime, "month" | "day"> & Partial<Pick<WallTime, "year">>;
type TimeOfDay = Pick<WallTime, "hour" | "minute" | "second">;

interface Parted {
  readonly date: PartialDate | undefined;
  readonly time: TimeOfDay;
  readonly offsetMinutes: number | undefined;
}

function parted(given: string): Parted {
  const lower = given.toLowerCase().replace(WEEKDAY, "").replace(COMPACT, "$1-$2-$3 $4:$5:$6");
  const hasTime = TIME.test(lower);
  const offset = hasTime ? OFFSET.exec(lower) : null;
  const local = offset === null ? lower : lower.slice(0, offset.index);
  const clockTime = TIME.exec(local);
  const rest =
    clockTime === null
      ? local
      : `${local.slice(0, clockTime.index)} ${local.slice(clockTime.index + clockTime[0].length)}`;
  const dateText = rest.trim().replace(/,$/, "").trim();
  if (clockTime === null && dateText === "") throw notATime(given);
  return {
    date: dateText === "" ? undefined : dateOf(dateText, given),
    time: clockTime === null ? { hour: 0, minute: 0, second: 0 } : timeOfDay(clockTime, given),
    offsetMinutes: offset === null ? undefined : offsetOf(offset),
  };
}

function dateOf(text: string, given: string): PartialDate {
  for (const [pattern, order] of DATES) {
    const match = pattern.exec(text);
    if (match === null) continue;
    const part = (name: "year" | "month" | "day") => match[order.indexOf(name) + 1] ?? "";
    const month = monthOf(part("month"));
    if (month === undefined) throw notATime(given);
    const day = Number(part("day"));
    return order.includes("year") ? { year: Number(part("year")), month, day } : { month, day };
  }
  throw notATime(given);
}

function monthOf(text: string): number | undefined {
  if (/^[0-9]/.test(text)) return Number(text);
  const index = MONTHS.indexOf(text.slice(0, 3));
  return index < 0 ? undefined : index + 1;
}

function timeOfDay(
  [, hour = "", minute = "", second = "0", half]: RegExpExecArray,
  given: string,
): TimeOfDay {
  if (half !== undefined && (Number(hour) < 1 || Number(hour) > 12)) throw notATime(given);
  const of24 = half === undefined ? Number(hour) : (Number(hour) % 12) + (half === "pm" ? 12 : 0);
  return { hour: of24, minute: Number(minute), second: Number(second) };
}

function offsetOf([, utc, sign, hours = "", minutes = ""]: RegExpExecArray): number {
  if (utc !== undefined) return 0;
  return (sign === "-" ? -1 : 1) * (Number(hours) * 60 + Number(minutes));
}

function momentOf(wall: WallTime, offsetMinutes: number | undefined, clock: Zone): number {
  if (!isReal(wall)) return Number.POSITIVE_INFINITY;
  if (offsetMinutes === undefined) return clock.epochMs(wall);
  const { year, month, day, hour, minute, second } = wall;
  return Date.UTC(year, month - 1, day, hour, minute - offsetMinutes, second);
}

function notATime(given: string): PolicyTextError {
  return new PolicyTextError(
    1,
    `${excerpt(given)} is no time; allowed are seconds since the epoch, and dates with a time such as "2017-10-02 15:45", "2nd oct 2017 15:45" or "02/10/2017 15:45" (day/month/year).`,
  );
}
