/** The metrics of a house: each part's sums under their names; docs/onegate.md has the table. */

import { DURATION_BOUNDS, type DurationCounts, type DurationSums } from "../../shared/duration-counts.ts";
import { vmStateText } from "../../shared/states/vm.ts";
import type { HistogramSample, Metrics, Sample } from "../admin/metrics.ts";
import { SYSTEM } from "../cloud/actor.ts";
import type { Cloud } from "../cloud/cloud.ts";
import type { RequestCounts, RouteSums } from "../onegate/sight/request-counts.ts";
import type { StoreStats } from "../store/stats.ts";
import type { OneGateSight } from "./onegate-sight.ts";

/** Open connections by server, as the house has them when it is asked. */
export type Connections = () => Promise<readonly { readonly server: string; readonly count: number }[]>;

/** Seconds; of the finer bounds that are counted, those that a dashboard needs. */
const BOUNDS = DURATION_BOUNDS.filter((bound) => bound <= 10 && /^(1|25|5)0*$/.test(digitsOf(bound)));
const NOT_FOUND = -1;

export function registerHouse(metrics: Metrics, version: string, connections: Connections): void {
  metrics.gauge({
    name: "gatehouse_build_info",
    help: "Always 1; the labels tell what runs.",
    labelNames: ["version", "node"],
    read: () => [{ labels: { version, node: process.version }, value: 1 }],
  });
  metrics.gauge({
    name: "gatehouse_connections",
    help: "Open connections, by server.",
    labelNames: ["server"],
    read: async () =>
      (await connections()).map(({ server, count }) => ({ labels: { server }, value: count })),
  });
}

export function registerOneGate(metrics: Metrics, { counts, audit }: OneGateSight): void {
  if (counts !== undefined) registerRequests(metrics, counts);
  if (audit === undefined) return;
  metrics.counter({
    name: "gatehouse_onegate_audit_lines_total",
    help: "Audit lines, by what became of them: written, or dropped because the disk was full or too slow.",
    labelNames: ["outcome"],
    read: () => [
      { labels: { outcome: "written" }, value: audit.written },
      { labels: { outcome: "dropped" }, value: audit.dropped },
    ],
  });
}

function registerRequests(metrics: Metrics, counts: RequestCounts): void {
  const single = (value: number): Sample[] => [{ value }];
  metrics.counter({
    name: "gatehouse_onegate_requests_total",
    help: "Requests answered, by the route's pattern, method and status; route none is what is no route.",
    labelNames: ["route", "method", "status"],
    read: () => counts.routes().flatMap(statusSamples),
  });
  metrics.histogram(
    {
      name: "gatehouse_onegate_request_duration_seconds",
      help: "Time from a request's head to its answer, without the wait it asked for.",
      labelNames: ["route", "method"],
      read: () =>
        counts.routes().map(({ route, method, durations }) => histogramSample(durations, { route, method })),
    },
    BOUNDS,
  );
  metrics.gauge({
    name: "gatehouse_onegate_waiters",
    help: "Requests that wait for a change now.",
    read: () => single(counts.waiters),
  });
  metrics.counter({
    name: "gatehouse_onegate_rate_limited_total",
    help: "Requests answered 429, by the limit that refused them.",
    labelNames: ["policy"],
    read: () => [...counts.limited].map(([policy, value]) => ({ labels: { policy }, value })),
  });
  metrics.counter({
    name: "gatehouse_onegate_wrong_tokens_total",
    help: "Requests answered 401.",
    read: () => single(counts.wrongTokens),
  });
}

export function registerStore(metrics: Metrics, stats: StoreStats): void {
  const durations = (name: string, help: string, counts: DurationCounts): void =>
    metrics.histogram({ name, help, read: () => [histogramSample(counts.sums())] }, BOUNDS);
  durations(
    "gatehouse_store_commit_duration_seconds",
    "Time from a commit to its durability.",
    stats.commits,
  );
  durations(
    "gatehouse_store_flush_duration_seconds",
    "Time of a transaction at the disk, each for all the commits that it joined.",
    stats.flushes,
  );
  metrics.counter({
    name: "gatehouse_store_changes_total",
    help: "Objects written or deleted by durable commits.",
    read: () => [{ value: stats.changes }],
  });
  metrics.counter({
    name: "gatehouse_store_undone_commits_total",
    help: "Commits undone because the disk or the store refused.",
    read: () => [{ value: stats.undoneCommits }],
  });
  metrics.gauge({
    name: "gatehouse_store_commits_waiting",
    help: "Commits that are not durable yet.",
    read: () => [{ value: stats.waiting }],
  });
}

export function registerVms(metrics: Metrics, cloud: Pick<Cloud, "vms">): void {
  metrics.gauge({
    name: "gatehouse_vms",
    help: "Virtual machines, by state.",
    labelNames: ["state"],
    read: async () => {
      const counts = new Map<string, number>();
      for (const { state, lcmState } of await cloud.vms.list(SYSTEM)) {
        const name = vmStateText(state, lcmState);
        counts.set(name, (counts.get(name) ?? 0) + 1);
      }
      return [...counts].map(([state, value]) => ({ labels: { state }, value }));
    },
  });
  metrics.gauge({
    name: "gatehouse_vms_with_error",
    help: "Virtual machines whose USER_TEMPLATE says ERROR: their last action failed, or their guest ended or is in trouble.",
    read: async () => {
      const vms = await cloud.vms.list(SYSTEM);
      return [{ value: vms.filter(({ userTemplate }) => userTemplate.ERROR !== undefined).length }];
    },
  });
}

function statusSamples({ route, method, statuses }: RouteSums): readonly Sample[] {
  return [...statuses].map(([status, value]) => ({
    labels: { route, method, status: String(status) },
    value,
  }));
}

/** The fine buckets joined to those that Prometheus is told. */
function histogramSample(
  { count, sumSeconds, buckets }: DurationSums,
  labels: Readonly<Record<string, string>> = {},
): HistogramSample {
  const joined = BOUNDS.map(() => 0);
  for (const [index, value] of buckets.entries()) {
    const bound = DURATION_BOUNDS[index];
    const at = bound === undefined ? NOT_FOUND : BOUNDS.findIndex((told) => bound <= told);
    if (at !== NOT_FOUND) joined[at] = (joined[at] ?? 0) + value;
  }
  return { labels, count, sum: sumSeconds, buckets: joined };
}

/** `25` for 0.0025. */
function digitsOf(bound: number): string {
  return bound.toExponential().replace(/e.*/, "").replace(".", "");
}
