/** What the SQLite store and its worker thread say to each other: arrays of strings, the cheapest to clone. */

import type { WriteFailure } from "./commit-queue.ts";

/** Kind, key, version, body (null deletes). */
export type ChangeRow = readonly [kind: string, key: string, version: number, body: string | null];

/** Kind, key, version, body. */
export type ObjectRow = readonly [kind: string, key: string, version: number, body: string];

/** All rows or none; what waits at the same time goes into the same transaction. */
export interface WriteRequest {
  readonly type: "write";
  readonly rows: readonly ChangeRow[];
  /** See WriteBatch. */
  readonly generation: number;
}

export type Request =
  | WriteRequest
  /** The objects behind this kind and key, as many as make a page. */
  | { readonly type: "page"; readonly after: readonly [kind: string, key: string] }
  /** No more than so many pages in the file. */
  | { readonly type: "limit"; readonly pages: number }
  | { readonly type: "close" };

/** Requests are answered one by one, in their order; the first answer tells how opening went. */
export type Answer =
  /** `flushMs`: how long the transaction took, with the first of the writes that it joined. */
  | { readonly type: "done"; readonly flushMs?: number }
  | { readonly type: "page"; readonly rows: readonly ObjectRow[] }
  | { readonly type: "failed"; readonly failure: WriteFailure };
