/** Where a reported state leads a VM: the table of spec monitoring.md 7, as a pure function. */

import type { ReportedState } from "../../../../shared/monitor/readings.ts";
import type { Phase } from "../vm-machine.ts";

/**
 * A hypervisor that is looked at while a VM starts or stops may tell of either side of it: a report is acted on once the
 * VM has been where it is for so long (spec monitoring.md 7).
 */
export const SETTLE_S = 30;

/**
 * What is not here says nothing new. Of a VM that is shutting down the driver tells when it is down, so a report need not;
 * and what the driver is at (BOOT and the like) only the driver ends.
 */
const RULES: Readonly<Record<ReportedState, { readonly from: readonly string[]; readonly to: Phase }>> = {
  RUNNING: { from: ["POWEROFF", "SUSPENDED", "UNKNOWN"], to: "RUNNING" },
  POWEROFF: { from: ["RUNNING", "UNKNOWN"], to: "POWEROFF" },
  SUSPENDED: { from: ["RUNNING", "UNKNOWN"], to: "SUSPENDED" },
  FAILURE: { from: ["RUNNING"], to: "UNKNOWN" },
  UNKNOWN: { from: ["RUNNING"], to: "UNKNOWN" },
};

/** The phase that a report leads to; undefined when it changes nothing. */
export function reportedPhase(phase: string, reported: ReportedState): Phase | undefined {
  const { from, to } = RULES[reported];
  return from.includes(phase) ? to : undefined;
}

/** Phases in which a host's full list may miss a VM, and that means something. */
export function isExpectedOnHost(phase: string): boolean {
  return phase === "RUNNING" || phase === "UNKNOWN";
}

export type Timeliness = "stale" | "deferred" | "timely";

/** Whether a report that was measured `at` can speak of a VM that came to its phase at `since`. Epoch seconds. */
export function timelinessOf(at: number, since: number, now: number): Timeliness {
  if (at < since) return "stale";
  // A clock that was set back must not keep a VM from being heard.
  return now >= since && now < since + SETTLE_S ? "deferred" : "timely";
}
