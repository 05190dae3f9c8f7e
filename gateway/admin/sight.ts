/** What the admin socket shows of a running house. */

import type { Metrics } from "./metrics.ts";
import type { TopSample } from "./top-sample.ts";

/** Absent where metrics are turned off. */
export interface Sight {
  readonly metrics: Metrics;
  top(): Promise<TopSample>;
}
