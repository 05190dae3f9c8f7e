/**
 * Time series as a port: reports of hosts go in as they arrive, histories of single VMs and hosts come out. What it
 * keeps is worth less than the house: it drops and counts what it cannot store, and never makes a caller wait.
 */

import type { History, HistoryQuery } from "../../shared/monitor/history.ts";
import type { VmReading } from "../../shared/monitor/readings.ts";
import type { Template } from "../../shared/template/types.ts";

/** What one message of a host told: MONITOR_HOST the host's own attributes, MONITOR_VM its VMs. */
export interface HostReport {
  readonly hostId: number;
  /** When it was measured, seconds since the epoch by the house's clock. */
  readonly at: number;
  /** Undefined: the message says nothing of the host itself. */
  readonly host?: Template | undefined;
  readonly vms: readonly VmReading[];
}

/** A time that a VM was on a host: the readings of other hosts, and of other times, are not about it. */
export interface Stay {
  readonly hostId: number;
  /** Seconds since the epoch, inclusive; `to` is Infinity while it lasts. */
  readonly from: number;
  readonly to: number;
}

export interface SeriesStore {
  /**
   * Takes a report to be stored within a second or so. False when it was dropped, and counted in `stats`: the queue is
   * full, the file cannot be written, or it is too old to be kept or lies in the future.
   */
  append(report: HostReport): boolean;

  /**
   * A VM's history on the hosts where it was; what has been appended before the call is in it.
   * @throws GatehouseError `unavailable` when the file cannot be read.
   */
  vmHistory(vmId: number, stays: readonly Stay[], query: HistoryQuery): Promise<History>;

  /** A host's own history. @throws GatehouseError `unavailable` when the file cannot be read. */
  hostHistory(hostId: number, query: HistoryQuery): Promise<History>;

  /** Stores what waits, then closes. */
  close(): Promise<void>;

  readonly stats: SeriesStats;
}

/** Why a report was not kept. */
export type DropReason =
  /** More waits to be written than the bound allows. */
  | "full"
  /** Older than anything kept, or history is switched off. */
  | "expired"
  /** Measured later than now. */
  | "future"
  /** Too large for one row, or of an id that cannot be stored. */
  | "unfit"
  /** The disk or the file refused. */
  | "failed";

/** What has happened since the store was opened. */
export interface SeriesStats {
  /** Reports stored. */
  readonly reports: number;
  /** Readings of VMs stored. */
  readonly records: number;
  /** Reports dropped. */
  readonly dropped: Readonly<Record<DropReason, number>>;
  /** Bytes that wait to be written. */
  readonly waitingBytes: number;
  /** Bytes of the file, as of a second ago. */
  readonly fileBytes: number;
  /** Windows of hosts that are not made yet, those under way too, as of a second ago. */
  readonly pendingWindows: number;
}
