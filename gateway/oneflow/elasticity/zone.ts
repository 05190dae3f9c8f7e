/** A time zone of the IANA catalogue: from the time on its clocks to the moment, over both changes of the year. */

import { excerpt, PolicyTextError } from "./error.ts";

/** What a clock on the wall shows. */
export interface WallTime {
  readonly year: number;
  /** 1 to 12. */
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
}

export interface Zone {
  /** `Europe/Berlin`, `UTC`. */
  readonly name: string;
  wallAt(epochMs: number): WallTime;
  /** By how much its clocks are ahead of UTC at a moment, in ms. */
  offsetMs(epochMs: number): number;
  /** Every moment at which the clocks show this: none, one or two, in ms since the epoch. */
  moments(wall: WallTime): readonly number[];
  /**
   * The moment, in ms since the epoch, at which the clocks show this. Of a time that they show twice it is the first;
   * for one that they skip it is the moment of the change.
   */
  epochMs(wall: WallTime): number;
}

const DAY_MS = 86_400_000;

/** @param name undefined: the zone of the process. @throws PolicyTextError when there is no such zone. */
export function openZone(name?: string | undefined): Zone {
  const format = formatOf(name);
  const offsetMs = (epochMs: number): number =>
    asUtc(wallOf(format, epochMs)) - Math.floor(epochMs / 1000) * 1000;
  // No zone changes twice within two days, so these are the offsets before and after a change nearby.
  const candidates = (shown: number): readonly number[] => {
    const [before, after] = [offsetMs(shown - DAY_MS), offsetMs(shown + DAY_MS)];
    return [...new Set([shown - Math.max(before, after), shown - Math.min(before, after)])];
  };
  const moments = (wall: WallTime): readonly number[] => {
    const shown = asUtc(wall);
    return candidates(shown).filter((moment) => moment + offsetMs(moment) === shown);
  };
  return {
    name: format.resolvedOptions().timeZone,
    wallAt: (epochMs) => wallOf(format, epochMs),
    offsetMs,
    moments,
    epochMs: (wall) => moments(wall)[0] ?? changeAfter(candidates(asUtc(wall))[0] ?? Number.NaN, offsetMs),
  };
}

/** The first moment with another offset than at `from`, to the second; the clocks change within the next day. */
function changeAfter(from: number, offsetMs: (epochMs: number) => number): number {
  const before = offsetMs(from);
  let low = from;
  let high = from + DAY_MS;
  while (high - low > 1000) {
    const middle = Math.floor((low + high) / 2000) * 1000;
    if (offsetMs(middle) === before) low = middle;
    else high = middle;
  }
  return high;
}

function formatOf(name: string | undefined): Intl.DateTimeFormat {
  try {
    return new Intl.DateTimeFormat("en-US", {
      ...(name === undefined ? {} : { timeZone: name }),
      calendar: "gregory",
      numberingSystem: "latn",
      hourCycle: "h23",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
      second: "numeric",
    });
  } catch (cause) {
    throw new PolicyTextError(
      1,
      `${excerpt(name ?? "")} is no time zone; allowed are names of the IANA catalogue such as UTC or Europe/Berlin.`,
      { cause },
    );
  }
}

function wallOf(format: Intl.DateTimeFormat, epochMs: number): WallTime {
  const parts = new Map(format.formatToParts(epochMs).map(({ type, value }) => [type, Number(value)]));
  const part = (type: Intl.DateTimeFormatPartTypes): number => parts.get(type) ?? Number.NaN;
  return {
    year: part("year"),
    month: part("month"),
    day: part("day"),
    hour: part("hour"),
    minute: part("minute"),
    second: part("second"),
  };
}

function asUtc({ year, month, day, hour, minute, second }: WallTime): number {
  return Date.UTC(year, month - 1, day, hour, minute, second);
}

/** Whether there is such a day and such a time: not 30 February, not 25 o'clock. */
export function isReal(wall: WallTime): boolean {
  const { year, month, day, hour, minute, second } = wall;
  const date = new Date(asUtc(wall));
  return (
    year >= 1970 &&
    year <= 9999 &&
    date.getUTCMonth() === month - 1 &&
    date.getUTCDate() === day &&
    date.getUTCHours() === hour &&
    date.getUTCMinutes() === minute &&
    date.getUTCSeconds() === second
  );
}
