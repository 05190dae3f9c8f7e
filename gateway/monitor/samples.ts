/** Where readings go to be kept as time series. */

import type { HostReading, VmReading } from "../../shared/monitor/readings.ts";

/**
 * Both return at once and never throw: what cannot be taken in is dropped and counted by who keeps them. A report may be
 * older than the one before it, when an agent that was cut off sends what it spooled. Times are seconds since the epoch.
 */
export interface Samples {
  /** MONITOR_VM: records of VMs that stay on this host. */
  appendVms(hostId: number, at: number, readings: readonly VmReading[]): void;
  /** MONITOR_HOST. */
  appendHost(hostId: number, at: number, reading: HostReading): void;
}
