/** What is asked of the thread that owns the connection to one.db, and what it answers. */

import type { MonitoringRow } from "./tables.ts";

export interface SqliteOptions {
  readonly path: string;
  /** How long to wait for oned's own writes: DB/TIMEOUT. */
  readonly busyMs: number;
}

export type Request =
  | { readonly type: "put"; readonly rows: readonly MonitoringRow[] }
  | { readonly type: "last"; readonly vmIds: readonly number[] }
  | { readonly type: "purge"; readonly kind: MonitoringRow["kind"]; readonly before: number }
  | { readonly type: "imported" }
  | { readonly type: "close" };

export type Answer =
  | { readonly type: "done" }
  | { readonly type: "last"; readonly rows: readonly MonitoringRow[] }
  | { readonly type: "purged"; readonly more: boolean }
  | { readonly type: "imported"; readonly vms: readonly (readonly [string, number])[] }
  | { readonly type: "failed"; readonly reason: string };
