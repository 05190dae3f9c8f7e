/** Opens the time series of a house: where the daemon's readings go, and the cloud's histories come from. */

import { join } from "node:path";
import type { Clock } from "../../shared/clock.ts";
import type { Logger } from "../../shared/log.ts";
import type { Metrics } from "../admin/metrics.ts";
import type { Config } from "../config.ts";
import type { Samples } from "../monitor/samples.ts";
import { openSeries } from "../store/series/sqlite-series.ts";
import type { SeriesStore } from "../store/series.ts";

const SERIES_FILE = "series.db";

/** Undefined when nothing is monitored. Never fails: a file that cannot be used costs history, and is told in the log. */
export async function openHistory(
  { home, monitor }: Pick<Config, "home" | "monitor">,
  { clock, log }: { readonly clock: Clock; readonly log: Logger },
): Promise<SeriesStore | undefined> {
  if (!monitor.enabled) return undefined;
  const rawSeconds = { hosts: monitor.retention.host_s, vms: monitor.retention.vm_s };
  const windowSeconds = monitor.retention.rollup_s;
  return await openSeries(join(home, SERIES_FILE), { clock, log, rawSeconds, windowSeconds });
}

export function samplesIn(series: SeriesStore): Samples {
  return {
    appendVms: (hostId, at, vms) => void series.append({ hostId, at, vms }),
    appendHost: (hostId, at, { attributes }) => void series.append({ hostId, at, host: attributes, vms: [] }),
  };
}

export function registerHistory(metrics: Metrics, series: SeriesStore): void {
  metrics.counter({
    name: "gatehouse_history_reports_total",
    help: "Reports of hosts, by what became of them: stored, or dropped and why.",
    labelNames: ["outcome"],
    read: () => [
      { labels: { outcome: "stored" }, value: series.stats.reports },
      ...Object.entries(series.stats.dropped).map(([outcome, value]) => ({ labels: { outcome }, value })),
    ],
  });
  metrics.counter({
    name: "gatehouse_history_vm_records_total",
    help: "Readings of VMs stored.",
    read: () => [{ value: series.stats.records }],
  });
  const gauge = (name: string, help: string, read: () => number): void =>
    metrics.gauge({ name: `gatehouse_history_${name}`, help, read: () => [{ value: read() }] });
  gauge("waiting_bytes", "Bytes of reports that wait to be stored.", () => series.stats.waitingBytes);
  gauge("file_bytes", "Bytes of the history's file.", () => series.stats.fileBytes);
  gauge("pending_windows", "Windows of five minutes not summed up yet, those under way too.", () => {
    return series.stats.pendingWindows;
  });
}
