/** What was measured of a VM or a host over time: raw readings, and windows that sum them up. */

import type { Template } from "../template/types.ts";
import type { MetricValue } from "./readings.ts";

/** Seconds that one window of down-sampled history covers; windows begin at multiples of it. */
export const WINDOW_S = 300;

/** Down-sampled history reaches so far back unless it is set otherwise. */
export const WINDOWS_KEPT_S = 7 * 86_400;

/** `auto` answers with windows when more than this is asked for. */
export const MAX_RAW_S = 43_200;

/** Times in seconds since the epoch, both inclusive. */
export interface HistoryQuery {
  readonly from: number;
  readonly to: number;
  /** `auto`: raw up to MAX_RAW_S as far as raw readings are kept, else windows. */
  readonly resolution: "raw" | "rollup" | "auto";
}

/** One reading. Points that follow each other share `names` where they are the same. */
export interface RawPoint {
  readonly at: number;
  readonly names: readonly string[];
  readonly values: readonly MetricValue[];
  /** Vectors and repeated names. */
  readonly more: Template;
}

/** What the readings of one window come to, of each metric that is a number; arrays in the order of `names`. */
export interface WindowPoint {
  /** When the window begins. */
  readonly from: number;
  /** When its last reading was measured. */
  readonly at: number;
  readonly names: readonly string[];
  readonly counts: readonly number[];
  readonly sums: readonly number[];
  readonly minima: readonly number[];
  readonly maxima: readonly number[];
  readonly lasts: readonly number[];
}

/** Points in order of time. */
export type History =
  | { readonly resolution: "raw"; readonly points: readonly RawPoint[] }
  | { readonly resolution: "rollup"; readonly points: readonly WindowPoint[] };
