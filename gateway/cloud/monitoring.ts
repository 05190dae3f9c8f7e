/**
 * What is measured of hosts and VMs: the side of the cloud that the monitoring daemon drives, and that whoever wants the
 * latest reading asks. Times are seconds since the epoch by the house's clock: the daemon has corrected the sender's.
 */

import type { History, HistoryQuery } from "../../shared/monitor/history.ts";
import type {
  HostReading,
  ReportedState,
  StatesReading,
  VmReading,
  VmStateReading,
} from "../../shared/monitor/readings.ts";
import type { Template } from "../../shared/template/types.ts";

/** The latest of a host or a VM, everything it ever told still in it: a new reading goes over the one before. */
export interface LatestReading {
  readonly at: number;
  readonly attributes: Template;
}

/** Readings of one message, by what became of them. */
export interface AppliedReadings {
  /** Of VMs that stay on the host, also those that are older than the latest and change nothing. */
  readonly applied: readonly VmReading[];
  /** Of VMs that are not there, or are on another host: counted, and never made. */
  readonly unknown: number;
}

/** Why a reported state changed nothing. */
export type IgnoredState =
  /** No such VM on this host, or it has ended. */
  | "unknown"
  /** The VM is in that state, or in one that this report says nothing about. */
  | "same"
  /** It was measured before the VM came to where it is. */
  | "stale"
  /** The VM has only just moved; the report is looked at again when it has settled. */
  | "deferred";

export interface StateOutcome {
  readonly changed: readonly number[];
  readonly ignored: Readonly<Record<IgnoredState, number>>;
}

/** What a reported state is told with. */
export type StatesReport = Pick<StatesReading, "sync" | "missingState" | "vms">;

export type { HostReading, ReportedState, VmReading, VmStateReading };

export interface CloudMonitoring {
  /**
   * SYSTEM_HOST: goes over the host's TEMPLATE, and takes ERROR from it; a host that was INIT or ERROR is MONITORED
   * then (spec monitoring.md 6). Durable. @throws GatehouseError `not_found`, or `too_large` for a TEMPLATE that grows
   * beyond all measure.
   */
  hostSystem(hostId: number, reading: HostReading, at: number): Promise<void>;
  /** MONITOR_HOST: the latest reading, in memory. False when there is no such host. */
  hostMonitored(hostId: number, reading: HostReading, at: number): boolean;
  /**
   * A host that is silent, or whose probes fail: ERROR with the reason in its TEMPLATE, and its RUNNING VMs are
   * UNKNOWN. One that is disabled or offline keeps its state. Durable. @throws GatehouseError `not_found`
   */
  hostFailed(hostId: number, reason: string): Promise<void>;
  /** MONITOR_VM: the latest readings, in memory. Tells `vms_monitored` of the VMs whose latest these are. */
  vmsMonitored(hostId: number, readings: readonly VmReading[], at: number): AppliedReadings;
  /** STATE_VM: moves VMs by the table of spec monitoring.md 7. Durable when it resolves. */
  vmStates(hostId: number, report: StatesReport, at: number): Promise<StateOutcome>;
  latestVm(vmId: number): LatestReading | undefined;
  latestHost(hostId: number): LatestReading | undefined;
  /** Names of the VMs that the hypervisor runs there and the cloud does not know; undefined before it was ever asked. */
  wildsOn(hostId: number): readonly string[] | undefined;
  /**
   * What was measured of a VM on the hosts where it has been; undefined where no history is kept, or there is no such VM.
   * @throws GatehouseError `unavailable` when it cannot be read.
   */
  vmHistory(vmId: number, query: HistoryQuery): Promise<History | undefined>;
  /** The same of a host's own readings. */
  hostHistory(hostId: number, query: HistoryQuery): Promise<History | undefined>;
}
