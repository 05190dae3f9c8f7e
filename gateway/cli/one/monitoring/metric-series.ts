/** MONITORING_DATA as one series of numbers a metric; those of counters are rates. */

import { isCounter } from "../../../../shared/monitor/counters.ts";
import { entriesOf, nodesAt, numberAt } from "../../../../shared/xml/node.ts";
import type { XmlNode } from "../../../../shared/xml/tree.ts";
import { type Unit, unitOf } from "./metrics.ts";

export interface Point {
  /** Seconds since the epoch. */
  readonly at: number;
  readonly value: number;
}

export interface MetricSeries {
  readonly name: string;
  readonly unit: Unit;
  /** The values are growth a second of a counter. */
  readonly isRate: boolean;
  /** At least one, in order of time. */
  readonly points: readonly Point[];
}

/** Not measured: they say which and when. */
const HEAD: ReadonlySet<string> = new Set(["ID", "TIMESTAMP"]);
/** Sections of a host's reading, whose names are unlike. */
const SECTIONS: ReadonlySet<string> = new Set(["CAPACITY", "SYSTEM"]);

/** How many readings there are, and the metrics in the order in which they first occur. */
export function seriesOf(data: XmlNode): {
  readonly readings: number;
  readonly series: readonly MetricSeries[];
} {
  const readings = nodesAt(data, "MONITORING").toSorted(
    (left, right) => numberAt(left, "TIMESTAMP") - numberAt(right, "TIMESTAMP"),
  );
  const points = new Map<string, Point[]>();
  for (const reading of readings) {
    const at = numberAt(reading, "TIMESTAMP");
    for (const [name, value] of numbersIn(reading)) {
      const known = points.get(name);
      if (known === undefined) points.set(name, [{ at, value }]);
      else known.push({ at, value });
    }
  }
  const series = [...points].flatMap(([name, all]): MetricSeries[] => {
    const isRate = isCounter(name);
    const shown = isRate ? ratesOf(all) : all;
    return shown.length === 0 ? [] : [{ name, unit: unitOf(name), isRate, points: shown }];
  });
  return { readings: readings.length, series };
}

function numbersIn(reading: XmlNode): readonly (readonly [string, number])[] {
  return entriesOf(reading).flatMap(([name, value]): readonly (readonly [string, number])[] => {
    if (SECTIONS.has(name)) return numbersIn(value);
    if (HEAD.has(name) || typeof value !== "string" || value.trim() === "") return [];
    const number = Number(value);
    return Number.isFinite(number) ? [[name, number]] : [];
  });
}

/** A counter that went back was begun anew: nothing is known of that step. */
function ratesOf(points: readonly Point[]): readonly Point[] {
  return points.flatMap(({ at, value }, index) => {
    const before = points[index - 1];
    if (before === undefined || at <= before.at || value < before.value) return [];
    return [{ at, value: (value - before.value) / (at - before.at) }];
  });
}

export interface Summary {
  readonly min: number;
  readonly average: number;
  readonly max: number;
  readonly last: number;
}

export function summaryOf(points: readonly Point[]): Summary {
  let [min, max, sum] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0];
  for (const { value } of points) {
    min = Math.min(min, value);
    max = Math.max(max, value);
    sum += value;
  }
  return { min, average: sum / points.length, max, last: points.at(-1)?.value ?? 0 };
}
