/** The forms of `monitoring`: a table with a sparkline a metric, JSON and CSV. */

import { printableCell } from "../format.ts";
import { type MetricSeries, summaryOf } from "./metric-series.ts";
import { valueText } from "./metrics.ts";
import { type Stretch, sparkline } from "./sparkline.ts";

/** Of a stream that is no terminal. */
const DEFAULT_WIDTH = 80;
const MAX_SPARKLINE = 96;
const MIN_SPARKLINE = 8;
/** An amount with its unit, `1023.9M`. */
const VALUE_SIZE = 8;
const VALUES = ["MIN", "AVG", "MAX", "LAST"] as const;

export interface ChartOptions extends Stretch {
  /** Of the terminal; undefined: there is none. */
  readonly columns: number | undefined;
  readonly isUtf8: boolean;
}

/** A line a metric; narrower terminals lose bars first, then the least and the mean. */
export function chartText(series: readonly MetricSeries[], options: ChartOptions): string {
  const names = series.map(({ name, isRate }) => printableCell(isRate ? `${name}/s` : name));
  const nameSize = Math.max(6, ...names.map((name) => name.length));
  const width = options.columns ?? DEFAULT_WIDTH;
  const shown = VALUES.slice(width < nameSize + MIN_SPARKLINE + VALUES.length * (VALUE_SIZE + 1) + 1 ? 2 : 0);
  const room = width - nameSize - shown.length * (VALUE_SIZE + 1) - 1;
  const bars = Math.min(MAX_SPARKLINE, Math.max(MIN_SPARKLINE, room));
  const line = (name: string, chart: string, values: readonly string[]): string =>
    `${name.padEnd(nameSize)} ${chart.padEnd(bars)} ${values.map((value) => value.padStart(VALUE_SIZE)).join(" ")}`.trimEnd();
  const rows = series.map(({ unit, points }, index) => {
    const { min, average, max, last } = summaryOf(points);
    const texts = [min, average, max, last].map((value) => valueText(value, unit));
    const values = texts.slice(VALUES.length - shown.length);
    return line(names[index] ?? "", sparkline(points, options, bars, options.isUtf8), values);
  });
  return `${[line("METRIC", "", shown), ...rows].join("\n")}\n`;
}

/** All numbers, as they are. */
export function chartJson(id: number, series: readonly MetricSeries[], { from, to }: Stretch): string {
  const metrics = series.map(({ name, unit, isRate, points }) => ({
    name,
    unit,
    rate: isRate,
    ...summaryOf(points),
    points,
  }));
  return `${JSON.stringify({ id, from, to, metrics }, undefined, 2)}\n`;
}

/** A line a reading, a column a metric; empty where it was not measured. */
export function chartCsv(series: readonly MetricSeries[]): string {
  const lines = new Map<number, string[]>();
  for (const [column, { points }] of series.entries()) {
    for (const { at, value } of points) {
      const line = lines.get(at) ?? series.map(() => "");
      line[column] = String(value);
      lines.set(at, line);
    }
  }
  const head = ["TIMESTAMP", ...series.map(({ name, isRate }) => (isRate ? `${name}/s` : name))];
  const rows = [...lines].sort(([left], [right]) => left - right).map(([at, line]) => [String(at), ...line]);
  return [head, ...rows].map((cells) => `${cells.map(csvCell).join(",")}\n`).join("");
}

/** Names come from probes. */
function csvCell(text: string): string {
  const cell = printableCell(text);
  return /[",]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}
