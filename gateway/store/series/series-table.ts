/**
 * The series of one subject, hosts or VMs, in the file: raw rows, windows made of them, and which windows are still to be
 * made. A window is a function of its raw rows, so one that was made too early, or twice, is only made again.
 */

import type { DatabaseSync, StatementSync } from "node:sqlite";
import { type RawPoint, WINDOW_S, type WindowPoint } from "../../../shared/monitor/history.ts";
import type { BatchedReport, Subject } from "./batch.ts";
import { ByteWriter } from "./bytes.ts";
import { BlobReader } from "./group.ts";
import {
  type KeyLayout,
  type KeyRange,
  keyBefore,
  keyOf,
  MAX_SEQUENCE,
  RAW_KEYS,
  rangesOf,
  timeOf,
  WINDOW_KEYS,
} from "./keys.ts";
import { PendingWindows, type Window } from "./pending-windows.ts";
import type { Span, WorkerData } from "./protocol.ts";
import { readPoint } from "./raw-blob.ts";
import { type RawBlob, readWindow, writeWindow } from "./window-blob.ts";

/** A window is made when it has been over for so long: reports of its last second are on their way still. */
const GRACE_S = 30;

/** Rows deleted by one call of `purge`. */
const PURGE_ROWS = 500;

/** The latest report of a host, and how many came before it in that second. */
interface LastReport {
  readonly at: number;
  readonly sequence: number;
}

export class SeriesTable {
  readonly #rawSeconds: number;
  readonly #windowSeconds: number;
  readonly #pending: PendingWindows;
  readonly #blobs = new BlobReader();
  readonly #writer = new ByteWriter();
  readonly #last = new Map<number, LastReport>();
  readonly #insertRaw: StatementSync;
  readonly #lastOf: StatementSync;
  readonly #rawRange: StatementSync;
  readonly #putWindow: StatementSync;
  readonly #windowRange: StatementSync;
  readonly #purgeRaw: StatementSync;
  readonly #purgeWindows: StatementSync;

  constructor(database: DatabaseSync, subject: Subject, kept: Omit<WorkerData, "path">) {
    this.#rawSeconds = kept.rawSeconds[subject];
    this.#windowSeconds = kept.windowSeconds;
    const raw = `raw_${subject}`;
    const windows = `windows_${subject}`;
    const prepare = (sql: string): StatementSync => {
      const statement = database.prepare(sql);
      // Keys have 63 bits.
      statement.setReadBigInts(true);
      return statement;
    };
    this.#insertRaw = prepare(`INSERT OR REPLACE INTO ${raw} (key, body) VALUES (?, ?)`);
    this.#lastOf = prepare(`SELECT max(key) AS key FROM ${raw} WHERE key BETWEEN ? AND ?`);
    this.#rawRange = prepare(`SELECT key, body FROM ${raw} WHERE key BETWEEN ? AND ? ORDER BY key`);
    this.#putWindow = prepare(`INSERT OR REPLACE INTO ${windows} (key, body) VALUES (?, ?)`);
    this.#windowRange = prepare(`SELECT key, body FROM ${windows} WHERE key BETWEEN ? AND ? ORDER BY key`);
    this.#purgeRaw = prepare(purgeText(raw));
    this.#purgeWindows = prepare(purgeText(windows));
    this.#pending = new PendingWindows(database, `pending_${subject}`);
  }

  get pendingWindows(): number {
    return this.#pending.size;
  }

  /** Within a transaction of the caller; `settled` or `undone` must follow it. */
  insert({ hostId, at, bytes }: BatchedReport): void {
    const sequence = this.#sequenceOf(hostId, at);
    this.#insertRaw.run(keyOf(RAW_KEYS, hostId, at, sequence), bytes);
    this.#pending.mark(hostId, windowStart(at));
  }

  #sequenceOf(hostId: number, at: number): number {
    const last = this.#last.get(hostId);
    if (last === undefined || at < last.at) return this.#storedSequence(hostId, at, last === undefined);
    const sequence = at === last.at ? Math.min(last.sequence + 1, MAX_SEQUENCE) : 0;
    this.#last.set(hostId, { at, sequence });
    return sequence;
  }

  /** For reports that come late, and the first one after a start. */
  #storedSequence(hostId: number, at: number, isFirst: boolean): number {
    const first = keyOf(RAW_KEYS, hostId, at);
    const key = this.#lastOf.get(first, keyOf(RAW_KEYS, hostId, at, MAX_SEQUENCE))?.key;
    const sequence = typeof key === "bigint" ? Math.min(Number(key - first) + 1, MAX_SEQUENCE) : 0;
    if (isFirst) this.#last.set(hostId, { at, sequence });
    return sequence;
  }

  settled(): void {
    this.#pending.settled();
  }

  undone(): void {
    this.#pending.undone();
  }

  /** Makes up to `limit` windows that are over; how many it made. Within a transaction, as `insert`. */
  makeWindows(now: number, limit: number): number {
    const due = this.#pending.due(now - GRACE_S - WINDOW_S, limit);
    for (const window of due) {
      this.#putWindow.run(keyOf(WINDOW_KEYS, window.hostId, window.from), this.#windowBytes(window));
      this.#pending.clear(window.hostId, window.from);
    }
    return due.length;
  }

  #windowBytes({ hostId, from }: Window): Uint8Array {
    this.#writer.cut(0);
    writeWindow(this.#writer, this.#blobs, from, this.#raws(hostId, from, from + WINDOW_S - 1));
    return this.#writer.bytes();
  }

  /** Deletes some of what has expired; whether it found any. */
  purge(now: number): boolean {
    const raw = this.#purgeRaw.run(keyBefore(RAW_KEYS, this.#cutoff(now, this.#rawSeconds)), PURGE_ROWS);
    const windows = this.#purgeWindows.run(
      keyBefore(WINDOW_KEYS, this.#cutoff(now, this.#windowSeconds)),
      PURGE_ROWS,
    );
    return Number(raw.changes) > 0 || Number(windows.changes) > 0;
  }

  /** Switched off, nothing is kept: not what was kept before either. */
  #cutoff(now: number, kept: number): number {
    return this.#rawSeconds === 0 ? Number.MAX_SAFE_INTEGER : now - kept;
  }

  rawPoints(id: number, spans: readonly Span[]): readonly RawPoint[] {
    const points: RawPoint[] = [];
    for (const { hostId, from, to } of spans) {
      for (const { at, bytes } of this.#raws(hostId, from, to)) {
        const point = readPoint(this.#blobs, bytes, id, at);
        if (point !== undefined) points.push(point);
      }
    }
    return points;
  }

  /** Windows that touch the spans; those that are not made yet are made for the answer. */
  windowPoints(id: number, spans: readonly Span[]): readonly WindowPoint[] {
    const points: WindowPoint[] = [];
    for (const { hostId, from, to } of spans) {
      const pending = this.#pending.of(hostId);
      const add = (start: number, bytes: Uint8Array): void => {
        const point = readWindow(this.#blobs, bytes, id, start);
        if (point !== undefined) points.push(point);
      };
      for (const { at, bytes } of this.#rows(this.#windowRange, WINDOW_KEYS, hostId, windowStart(from), to))
        if (!pending.has(at)) add(at, bytes);
      for (const start of pending)
        if (start >= windowStart(from) && start <= to) add(start, this.#windowBytes({ hostId, from: start }));
    }
    return points.sort((left, right) => left.from - right.from);
  }

  #raws(hostId: number, from: number, to: number): Iterable<RawBlob> {
    return this.#rows(this.#rawRange, RAW_KEYS, hostId, from, to);
  }

  *#rows(
    statement: StatementSync,
    layout: KeyLayout,
    hostId: number,
    from: number,
    to: number,
  ): Iterable<RawBlob> {
    for (const range of rangesOf(layout, hostId, from, to)) yield* rowsIn(statement, layout, range);
  }
}

function* rowsIn(statement: StatementSync, layout: KeyLayout, { first, last }: KeyRange): Iterable<RawBlob> {
  for (const { key, body } of statement.iterate(first, last))
    if (typeof key === "bigint" && body instanceof Uint8Array) yield { at: timeOf(layout, key), bytes: body };
}

function purgeText(table: string): string {
  return `DELETE FROM ${table} WHERE key IN (SELECT key FROM ${table} WHERE key < ? ORDER BY key LIMIT ?)`;
}

function windowStart(at: number): number {
  return Math.floor(at / WINDOW_S) * WINDOW_S;
}
