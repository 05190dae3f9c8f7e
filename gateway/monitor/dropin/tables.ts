/** OpenNebula's own monitoring tables as a port: SQLite and MySQL stand behind it. Their owner is oned, which makes them. */

/** A row of host_monitoring or vm_monitoring (spec monitoring.md 9). */
export interface MonitoringRow {
  readonly kind: "host" | "vm";
  readonly id: number;
  /** Seconds since the epoch. */
  readonly at: number;
  /** The MONITORING element, in ASCII. */
  readonly body: string;
}

export const COLUMNS = {
  host: { table: "host_monitoring", id: "hid", at: "last_mon_time" },
  vm: { table: "vm_monitoring", id: "vmid", at: "last_poll" },
} as const;

/** Rows that one purge deletes at most, so that oned waits for no long one. */
export const PURGE_ROWS = 1_000;

/** Of wild VMs that were imported. */
export const MAX_IMPORTED = 100_000;

export interface MonitoringTables {
  /** For people: what it is, without a password. */
  readonly name: string;
  /** All or none, in place of rows of the same id and time. @throws Error when they are not written. */
  put(rows: readonly MonitoringRow[]): Promise<void>;
  /** The newest row of each of these VMs, where it has one. @throws Error */
  lastOfVms(vmIds: readonly number[]): Promise<readonly MonitoringRow[]>;
  /** Deletes rows from before a time, a bounded number; true when there may be more. @throws Error */
  purge(kind: MonitoringRow["kind"], before: number): Promise<boolean>;
  /** Ids of imported VMs by the name that the hypervisor has for them. @throws Error */
  imported(): Promise<ReadonlyMap<string, number>>;
  /** Never rejects. */
  close(): Promise<void>;
}
