/** What the series and their worker thread say to each other. */

import type { RawPoint, WindowPoint } from "../../../shared/monitor/history.ts";
import type { Subject } from "./batch.ts";

/** Raw readings are kept so many seconds; 0: none, and no windows either. */
export type RawSeconds = Readonly<Record<Subject, number>>;

export interface WorkerData {
  readonly path: string;
  readonly rawSeconds: RawSeconds;
  /** Windows are kept so many seconds. */
  readonly windowSeconds: number;
}

/** A part of a history: one host, from and to inclusive. */
export interface Span {
  readonly hostId: number;
  readonly from: number;
  readonly to: number;
}

export interface HistoryRequest {
  readonly type: "history";
  readonly subject: Subject;
  readonly id: number;
  readonly resolution: "raw" | "rollup";
  readonly spans: readonly Span[];
}

export interface FileState {
  /** Bytes of the file, free pages in it too. */
  readonly fileBytes: number;
  /** Windows that are not made yet, open ones too. */
  readonly pendingWindows: number;
}

export type Request =
  /** Reports, as batch.ts writes them, all in one transaction. */
  | { readonly type: "append"; readonly batch: Uint8Array }
  /** Makes some windows that are over, and deletes some rows that have expired. */
  | { readonly type: "maintain"; readonly now: number }
  | HistoryRequest
  /** No more than so many pages in the file. */
  | { readonly type: "limit"; readonly pages: number }
  | { readonly type: "close" };

/** Requests are answered one by one, in their order; the first answer tells how opening went. */
export type Answer = (
  | { readonly type: "done" }
  | { readonly type: "appended"; readonly reports: number; readonly records: number }
  /** `more`: there is more to do now. */
  | ({ readonly type: "maintained"; readonly more: boolean } & FileState)
  | { readonly type: "raw"; readonly points: readonly RawPoint[] }
  | { readonly type: "rollup"; readonly points: readonly WindowPoint[] }
  | { readonly type: "failed"; readonly reason: string }
) & {
  /** The file was damaged; it was renamed to this, and a new one begun. */
  readonly renamed?: string | undefined;
};
