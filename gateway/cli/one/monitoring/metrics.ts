/** What a metric's numbers are: its unit, and how a value of it is written. */

import { isCounter } from "../../../../shared/monitor/counters.ts";
import { amountText } from "../format.ts";

export type Unit = "%" | "KiB" | "B/s" | "1/s" | "";

const ENDING = /_(FORECAST|FORECAST_FAR)$/;
const KIB = 1024;

/** Of the values that are shown: a counter's are its growth a second. */
export function unitOf(metric: string): Unit {
  const name = metric.replace(ENDING, "");
  if (/^((USED|FREE)_?)?CPU$/.test(name)) return "%";
  if (/^((USED|FREE)_?)?MEMORY$/.test(name)) return "KiB";
  if (name.endsWith("_BW")) return "B/s";
  if (!isCounter(name)) return "";
  return name.endsWith("IOPS") ? "1/s" : "B/s";
}

export function valueText(value: number, unit: Unit): string {
  switch (unit) {
    case "KiB":
      return amountText(value, "K");
    case "B/s":
      return value < KIB ? `${rounded(value, 0)}B` : amountText(value / KIB, "K");
    case "%":
      return `${rounded(value, 1)}%`;
    default:
      return String(rounded(value, 2));
  }
}

function rounded(value: number, digits: number): number {
  return Math.round(value * 10 ** digits) / 10 ** digits;
}
