/** What `gatehouse top` shows: the rates between two samples of a house. */

import { percentile } from "../../../shared/duration-counts.ts";
import type { TopSample } from "../../main/live-house.ts";

export interface RouteReading {
  readonly route: string;
  readonly method: string;
  readonly requestsPerSecond: number;
  /** Of the requests, answered with status 400 and above. */
  readonly failedPerSecond: number;
  readonly meanMs: number;
  /** Upper bounds of the buckets in which they lie. */
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export interface Reading {
  /** The time between the samples. */
  readonly seconds: number;
  readonly requestsPerSecond: number;
  readonly failedPerSecond: number;
  /** null when nobody asked. */
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  readonly rateLimitedPerSecond: number;
  readonly wrongTokensPerSecond: number;
  readonly waiters: number;
  readonly connections: Readonly<Record<string, number>>;
  readonly commitsPerSecond: number;
  readonly flushesPerSecond: number;
  readonly commitsWaiting: number;
  readonly auditLinesPerSecond: number;
  /** Since the house started. */
  readonly auditLinesDropped: number;
  readonly rssBytes: number;
  readonly heapBytes: number;
  /** Of those that were asked, slowest first. */
  readonly routes: readonly RouteReading[];
  /** Noisiest first; over the house's own last five to ten seconds. */
  readonly vms: readonly { readonly vmId: number; readonly requestsPerSecond: number }[];
}

type RouteSample = TopSample["routes"][number];

/** A house that was started anew between the samples is read from its start on. */
export function readingOf(earlier: TopSample, later: TopSample): Reading {
  const before = later.at < earlier.at ? undefined : earlier;
  const seconds = Math.max(0.001, (later.at - (before?.at ?? 0)) / 1_000);
  const perSecond = (sum: (sample: TopSample) => number): number =>
    (sum(later) - (before === undefined ? 0 : sum(before))) / seconds;
  const routes = routeDifferences(before, later);
  const buckets = sumOf(routes.map((route) => route.buckets));
  return {
    seconds,
    requestsPerSecond: perSecond((sample) => total(sample.routes, (route) => route.count)),
    failedPerSecond: perSecond((sample) => total(sample.routes, (route) => route.failed)),
    p50Ms: percentileMs(buckets, 0.5),
    p99Ms: percentileMs(buckets, 0.99),
    rateLimitedPerSecond: perSecond((sample) => sample.rateLimited),
    wrongTokensPerSecond: perSecond((sample) => sample.wrongTokens),
    waiters: later.waiters,
    connections: Object.fromEntries(later.connections.map(({ server, count }) => [server, count])),
    commitsPerSecond: perSecond((sample) => sample.commits),
    flushesPerSecond: perSecond((sample) => sample.flushes),
    commitsWaiting: later.commitsWaiting,
    auditLinesPerSecond: perSecond((sample) => sample.auditWritten),
    auditLinesDropped: later.auditDropped,
    rssBytes: later.rssBytes,
    heapBytes: later.heapBytes,
    routes: routes.map((route) => routeReading(route, seconds)).sort(bySlowness),
    vms: later.vms.map(({ vmId, rate }) => ({ vmId, requestsPerSecond: rate })),
  };
}

/** Routes that were asked between the samples, with the sums of that time. */
function routeDifferences(before: TopSample | undefined, later: TopSample): readonly RouteSample[] {
  const known = new Map(before?.routes.map((route) => [`${route.method} ${route.route}`, route]));
  return later.routes
    .map((route) => {
      const old = known.get(`${route.method} ${route.route}`);
      if (old === undefined) return route;
      return {
        ...route,
        count: route.count - old.count,
        failed: route.failed - old.failed,
        sumSeconds: route.sumSeconds - old.sumSeconds,
        buckets: route.buckets.map((bucket, index) => bucket - (old.buckets[index] ?? 0)),
      };
    })
    .filter(({ count }) => count > 0);
}

function routeReading(
  { route, method, count, failed, sumSeconds, buckets }: RouteSample,
  seconds: number,
): RouteReading {
  return {
    route,
    method,
    requestsPerSecond: count / seconds,
    failedPerSecond: failed / seconds,
    meanMs: (sumSeconds / count) * 1_000,
    p50Ms: percentileMs(buckets, 0.5) ?? 0,
    p99Ms: percentileMs(buckets, 0.99) ?? 0,
  };
}

function bySlowness(one: RouteReading, other: RouteReading): number {
  return other.p99Ms - one.p99Ms || other.meanMs - one.meanMs;
}

function percentileMs(buckets: readonly number[], share: number): number | null {
  const seconds = percentile(buckets, share);
  // The bounds are decimal, and shall read so: 0.15 and not 0.15000000000000002.
  return seconds === undefined ? null : Number((seconds * 1_000).toPrecision(6));
}

function sumOf(lists: readonly (readonly number[])[]): readonly number[] {
  const [first, ...others] = lists;
  if (first === undefined) return [];
  return first.map((value, index) => others.reduce((sum, list) => sum + (list[index] ?? 0), value));
}

function total<T>(items: readonly T[], value: (item: T) => number): number {
  return items.reduce((sum, item) => sum + value(item), 0);
}
