/** A line of bars, one a stretch of time, each as high as the mean of the values in it; blank where there are none. */

import type { Point } from "./metric-series.ts";

const BLOCKS = "▁▂▃▄▅▆▇█";
/** Where the terminal's locale is not UTF-8. */
const ASCII = "_.-=+*#@";

export interface Stretch {
  /** Seconds since the epoch, inclusive. */
  readonly from: number;
  readonly to: number;
}

/** Bars stand on 0, or on the least value where that is below; so a flat line is as high as what it is. */
export function sparkline(
  points: readonly Point[],
  { from, to }: Stretch,
  width: number,
  isUtf8: boolean,
): string {
  const sums = Array.from({ length: width }, () => ({ sum: 0, count: 0 }));
  for (const { at, value } of points) {
    const cell = sums[Math.min(width - 1, Math.floor(((at - from) * width) / (to - from + 1)))];
    if (cell === undefined) continue;
    cell.sum += value;
    cell.count += 1;
  }
  const means = sums.map(({ sum, count }) => (count === 0 ? undefined : sum / count));
  const known = means.filter((mean) => mean !== undefined);
  const floor = Math.min(0, ...known);
  const height = Math.max(0, ...known) - floor;
  const bars = isUtf8 ? BLOCKS : ASCII;
  const bar = (mean: number): string => {
    const level = height === 0 ? 0 : Math.round(((mean - floor) / height) * (bars.length - 1));
    return bars[level] ?? "";
  };
  return means.map((mean) => (mean === undefined ? " " : bar(mean))).join("");
}

/** As the C library decides it: LC_ALL, else LC_CTYPE, else LANG. */
export function isUtf8Locale(env: Readonly<Record<string, string | undefined>>): boolean {
  return /utf-?8/i.test(env.LC_ALL || env.LC_CTYPE || env.LANG || "");
}
