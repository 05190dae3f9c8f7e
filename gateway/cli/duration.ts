/** Durations as people write them on a command line: `90s`, `30m`, `12h`, `7d`, `0`. */

import { GatehouseError } from "../../shared/errors.ts";

const UNIT_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** In ms. @throws GatehouseError `bad_request` for anything else, and for more than `maxMs`. */
export function parseDuration(text: string, maxMs: number): number {
  if (text === "0") return 0;
  const [, count, unit = ""] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  const ms = Number(count) * (UNIT_MS[unit] ?? Number.NaN);
  if (ms <= maxMs) return ms;
  throw new GatehouseError(
    "bad_request",
    `"${text}" is no duration; it is a whole number with s, m, h or d, such as 30m or 7d, and at most ${maxMs / 86_400_000}d.`,
  );
}
