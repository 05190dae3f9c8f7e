/**
 * The `recurrence` of a scheduled policy: Unix cron's five fields (spec elasticity.md 6). croner reckons what clocks
 * show, and what it knows beyond cron (seconds, L, W, #, ?) is refused; when clocks show it is up to zone.ts, since
 * croner leaves out a day's `0-30/10 2 * * *` in spring and does it twice in autumn.
 */

import { Cron } from "croner";
import { errorText } from "../../../shared/errors.ts";
import { excerpt, PolicyTextError } from "./error.ts";
import { openZone, type WallTime, type Zone } from "./zone.ts";

export interface Recurrence {
  readonly text: string;
  /** The first occurrence after this moment, both in seconds since the epoch; undefined: there is none. */
  nextAfter(seconds: number): number | undefined;
}

const MAX_LENGTH = 256;
const FIELDS = ["minute", "hour", "day of month", "month", "day of week"] as const;
const ALIASES: Readonly<Record<string, string>> = {
  "@yearly": "0 0 1 1 *",
  "@annually": "0 0 1 1 *",
  "@monthly": "0 0 1 * *",
  "@weekly": "0 0 * * 0",
  "@daily": "0 0 * * *",
  "@midnight": "0 0 * * *",
  "@hourly": "0 * * * *",
};
const PIECE = /^(?:\*|[0-9]{1,4}(?:-[0-9]{1,4})?|[a-z]{3}(?:-[a-z]{3})?)(?:\/[0-9]{1,4})?$/i;

/**
 * @param zone IANA name; undefined: the zone of the process.
 * @throws PolicyTextError: which field is wrong, and what it may hold.
 */
export function parseRecurrence(text: string, zone?: string | undefined): Recurrence {
  if (text.length > MAX_LENGTH) {
    const sentence = `A recurrence may have at most ${MAX_LENGTH} characters; this one has ${text.length}.`;
    throw new PolicyTextError(MAX_LENGTH + 1, sentence);
  }
  const pattern = patternOf(text);
  const clock = openZone(zone);
  let cron: Cron;
  try {
    cron = new Cron(pattern, { timezone: "UTC", mode: "5-part", paused: true });
  } catch (cause) {
    throw new PolicyTextError(1, `${excerpt(text)} is no recurrence: ${reasonOf(cause)}`, { cause });
  }
  const isEachHour = pattern.split(" ")[1]?.startsWith("*") === true;
  return { text, nextAfter: rememberingNext((seconds) => nextIn(clock, cron, isEachHour, seconds)) };
}

/** Five fields, aliases written out. */
function patternOf(text: string): string {
  const trimmed = text.trim();
  if (trimmed.startsWith("@")) {
    const pattern = ALIASES[trimmed.toLowerCase()];
    if (pattern !== undefined) return pattern;
    const known = Object.keys(ALIASES).join(", ");
    throw new PolicyTextError(1, `${excerpt(text)} is no recurrence; of the short forms there are ${known}.`);
  }
  const fields = [...text.matchAll(/[^ \t]+/g)];
  if (fields.length !== FIELDS.length) {
    throw new PolicyTextError(
      text.length + 1,
      `${excerpt(text)} is no recurrence: it has ${fields.length} fields and needs five (${FIELDS.join(", ")}).`,
    );
  }
  for (const [index, { 0: field, index: at }] of fields.entries()) checkField(field, index, at + 1);
  return fields.map(([field]) => field).join(" ");
}

function checkField(field: string, index: number, column: number): void {
  if (field.split(",").every((piece) => PIECE.test(piece))) return;
  throw new PolicyTextError(
    column,
    `Column ${column}: ${excerpt(field)} is no ${FIELDS[index]}; allowed are *, numbers, names of three letters, ranges (1-5), lists (1,15) and steps (*/10, 0-30/5).`,
  );
}

function reasonOf(error: unknown): string {
  const text = errorText(error).replace(/^CronPattern: /, "");
  return text.endsWith(".") ? text : `${text}.`;
}

/** Clocks never go back by more. */
const LOOK_BACK_MS = 3 * 3_600_000;
const DAY_MS = 86_400_000;

/**
 * A pattern for certain hours is meant by the clock: a time that comes twice counts once, the first time, and one that
 * is skipped is made up for at the change. A pattern for each hour (`*` there) goes on through both.
 */
function nextIn(clock: Zone, cron: Cron, isEachHour: boolean, seconds: number): number | undefined {
  const now = seconds * 1000;
  const isNearChange = clock.offsetMs(now - DAY_MS) !== clock.offsetMs(now + DAY_MS);
  let shown = new Date(now + clock.offsetMs(now) - (isNearChange ? LOOK_BACK_MS : 0));
  let best = Number.POSITIVE_INFINITY;
  for (;;) {
    const next = cron.nextRun(shown);
    if (next === null) break;
    shown = next;
    const wall = wallTime(next);
    const first = clock.epochMs(wall);
    if (first >= best) break;
    const moments = isEachHour ? clock.moments(wall) : [first];
    best = Math.min(best, ...moments.filter((moment) => moment > now));
    if (!isNearChange && best < Number.POSITIVE_INFINITY) break;
  }
  return Number.isFinite(best) ? best / 1000 : undefined;
}

/** What croner, told that the zone is UTC, means by a date. */
function wallTime(date: Date): WallTime {
  return {
    year: date.getUTCFullYear(),
    month: date.getUTCMonth() + 1,
    day: date.getUTCDate(),
    hour: date.getUTCHours(),
    minute: date.getUTCMinutes(),
    second: date.getUTCSeconds(),
  };
}

/** Policies with one text ask about much the same moment, again and again: the last answer mostly holds. */
function rememberingNext(reckon: Recurrence["nextAfter"]): Recurrence["nextAfter"] {
  let known: { readonly after: number; readonly next: number | undefined } | undefined;
  return (seconds) => {
    if (known === undefined || seconds < known.after || (known.next !== undefined && seconds >= known.next)) {
      known = { after: seconds, next: reckon(seconds) };
    }
    return known.next;
  };
}
