/** All that can be seen of a house from outside: who observes OneGate, the metrics, and the sums behind `gatehouse top`. */

import type { Clock } from "../../shared/clock.ts";
import type { Logger } from "../../shared/log.ts";
import { Metrics } from "../admin/metrics.ts";
import type { Sight } from "../admin/sight.ts";
import type { TopSample } from "../admin/top-sample.ts";
import type { Cloud } from "../cloud/cloud.ts";
import type { Config } from "../config.ts";
import { type GateObserver, isRefusal } from "../onegate/sight/observer.ts";
import type { RouteSums } from "../onegate/sight/request-counts.ts";
import type { StoreStats } from "../store/stats.ts";
import { registerHouse, registerOneGate, registerStore, registerVms } from "./house-metrics.ts";
import type { Listening } from "./listen.ts";
import { type OneGateSight, openOneGateSight } from "./onegate-sight.ts";

/** VMs that a sample names: more than any terminal has lines for. */
const SHOWN_VMS = 100;

export interface HouseSight {
  readonly observer: GateObserver;
  /** Undefined where metrics are turned off. */
  readonly admin: Sight | undefined;
  /** A server whose connections are counted from now on. */
  listens(server: string, listening: Pick<Listening, "openConnections">): void;
  /** Writes what is gathered. */
  close(): Promise<void>;
}

export interface SightOptions {
  readonly cloud: Pick<Cloud, "vms">;
  readonly store: { readonly stats: StoreStats };
  readonly version: string;
  readonly clock: Clock;
  readonly log: Logger;
}

/** @throws GatehouseError `unavailable` when the audit's file cannot be opened. */
export async function openHouseSight(config: Config, options: SightOptions): Promise<HouseSight> {
  const { cloud, store, version, clock, log } = options;
  const onegate = await openOneGateSight(config, clock, log);
  const servers = new Servers();
  const common = {
    observer: onegate.observer,
    listens: servers.add.bind(servers),
    close: () => onegate.close(),
  };
  if (!config.admin.metrics.enabled) return { ...common, admin: undefined };
  const metrics = new Metrics(clock);
  metrics.watchProcess();
  registerHouse(metrics, version, () => servers.connections());
  registerOneGate(metrics, onegate);
  registerStore(metrics, store.stats);
  registerVms(metrics, cloud);
  const top = async (): Promise<TopSample> => ({
    at: clock.elapsed(),
    connections: [...(await servers.connections())],
    ...oneGateSums(onegate),
    ...storeSums(store.stats),
    ...memory(),
  });
  return { ...common, admin: { metrics, top } };
}

class Servers {
  readonly #listening = new Map<string, Pick<Listening, "openConnections">>();

  add(server: string, listening: Pick<Listening, "openConnections">): void {
    this.#listening.set(server, listening);
  }

  async connections(): Promise<readonly { readonly server: string; readonly count: number }[]> {
    return Promise.all(
      [...this.#listening].map(async ([server, listening]) => ({
        server,
        count: await listening.openConnections(),
      })),
    );
  }
}

function oneGateSums({ counts, noisy, audit }: OneGateSight) {
  return {
    routes: counts?.routes().map(routeSums) ?? [],
    vms: [...(noisy?.noisiest(SHOWN_VMS) ?? [])],
    rateLimited: [...(counts?.limited.values() ?? [])].reduce((sum, value) => sum + value, 0),
    wrongTokens: counts?.wrongTokens ?? 0,
    waiters: counts?.waiters ?? 0,
    auditWritten: audit?.written ?? 0,
    auditDropped: audit?.dropped ?? 0,
  };
}

function routeSums({ route, method, statuses, durations }: RouteSums): TopSample["routes"][number] {
  const { count, sumSeconds, buckets } = durations;
  const failed = [...statuses].reduce((sum, [status, n]) => (isRefusal(status) ? sum + n : sum), 0);
  return { route, method, count, failed, sumSeconds, buckets: [...buckets] };
}

function storeSums({ commits, flushes, waiting }: StoreStats) {
  return { commits: commits.count, flushes: flushes.count, commitsWaiting: waiting };
}

function memory() {
  const { rss, heapUsed } = process.memoryUsage();
  return { rssBytes: rss, heapBytes: heapUsed };
}
