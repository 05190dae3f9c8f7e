/** A metric's text as a value: a number where that loses nothing, or where the metric is known to be a number. */

import type { MetricValue } from "./readings.ts";

/** Metrics that are numbers however they are written (spec monitoring.md 8). */
const NUMERIC: ReadonlySet<string> = new Set([
  "CPU",
  "MEMORY",
  "NETRX",
  "NETTX",
  "DISKRDBYTES",
  "DISKWRBYTES",
  "DISKRDIOPS",
  "DISKWRIOPS",
]);

/** Rates and forecasts of any metric, which upstream's probes add ("NETRX_BW", "CPU_FORECAST_FAR"). */
const NUMERIC_ENDINGS = ["_BW", "_FORECAST", "_FORECAST_FAR"] as const;

const DECIMAL = /^-?[0-9]{1,18}(\.[0-9]{1,20})?$/;

/** 15 digits and less are exact in a double, and no number prints longer than this. */
const MAX_NUMBER_CHARACTERS = 24;

/**
 * `"1812"` is 1812, `CPU="0.0"` is 0, `OS_VERSION="12.10"` stays text, as does any number a double cannot hold.
 */
export function metricValue(name: string, text: string): MetricValue {
  if (text.length === 0 || text.length > MAX_NUMBER_CHARACTERS) return text;
  const first = text.charCodeAt(0);
  // Digits and the minus sign: most texts that are no number end here.
  if (first !== 45 && (first < 48 || first > 57)) return text;
  const number = Number(text);
  if (!Number.isFinite(number)) return text;
  if (String(number) === text) return number;
  if (!DECIMAL.test(text) || !isNumeric(name) || Math.abs(number) > Number.MAX_SAFE_INTEGER) return text;
  // "-0.0" is 0.
  return number + 0;
}

function isNumeric(name: string): boolean {
  return NUMERIC.has(name) || NUMERIC_ENDINGS.some((ending) => name.endsWith(ending));
}
