/** The series on SQLite: reports gathered into batches for the worker thread that owns the file, in a queue of bounded size. */

import { type Clock, epochSeconds } from "../../../shared/clock.ts";
import { GatehouseError } from "../../../shared/errors.ts";
import type { Logger } from "../../../shared/log.ts";
import {
  type History,
  type HistoryQuery,
  MAX_RAW_S,
  WINDOWS_KEPT_S,
} from "../../../shared/monitor/history.ts";
import { MAX_FRAME_BYTES } from "../../../shared/monitor/limits.ts";
import type { VmReading } from "../../../shared/monitor/readings.ts";
import type { DropReason, HostReport, SeriesStats, SeriesStore, Stay } from "../series.ts";
import { WorkerChannel, workerFile } from "../worker-channel.ts";
import { type Subject, writeReport } from "./batch.ts";
import { ByteWriter } from "./bytes.ts";
import { SeriesHealth } from "./health.ts";
import { MAX_HOST_ID } from "./keys.ts";
import type { Answer, RawSeconds, Request, Span } from "./protocol.ts";
import { hostReading } from "./raw-blob.ts";

/** A batch goes to the thread after this time, or when it is this large. */
const BATCH_MS = 100;
const BATCH_BYTES = 256 * 1024;

/** Half a minute of 100,000 readings a second. */
export const DEFAULT_QUEUE_BYTES = 128 * 1024 * 1024;

const MAINTENANCE_MS = 1_000;

/** Clocks that differ this much are nobody's fault; beyond it a reading would outlive its time. */
const MAX_FUTURE_S = 3_600;

/** Four times what a message weighs that is full of texts. */
const MAX_REPORT_BYTES = 4 * MAX_FRAME_BYTES;

export interface SeriesOptions {
  readonly clock: Clock;
  readonly log: Pick<Logger, "warn" | "info">;
  /** How long raw readings are kept: HOST_ and VM_MONITORING_EXPIRATION_TIME; 0: no history at all. */
  readonly rawSeconds: RawSeconds;
  /** How long windows are kept; default 7 days. */
  readonly windowSeconds?: number | undefined;
  readonly queueBytes?: number | undefined;
}

/** Opens the file, or makes it (mode 0600). Never rejects: without a file, reports are dropped and said to be. */
export async function openSeries(path: string, options: SeriesOptions): Promise<SqliteSeries> {
  const series = new SqliteSeries(path, options);
  await series.opened;
  return series;
}

export class SqliteSeries implements SeriesStore {
  readonly opened: Promise<void>;
  readonly #start: () => WorkerChannel<Request, Answer>;
  #channel: WorkerChannel<Request, Answer>;
  readonly #options: SeriesOptions;
  readonly #health: SeriesHealth;
  readonly #queueBytes: number;
  readonly #counts = { reports: 0, records: 0, fileBytes: 0, pendingWindows: 0 };
  readonly #dropped: Record<DropReason, number> = { full: 0, expired: 0, future: 0, unfit: 0, failed: 0 };
  readonly #batch = new ByteWriter(BATCH_BYTES);
  #batched = 0;
  #sentBytes = 0;
  #cancelFlush: (() => void) | undefined;
  #cancelMaintenance: () => void = () => {};
  #closing: Promise<void> | undefined;

  constructor(path: string, options: SeriesOptions) {
    const workerData = { path, rawSeconds: options.rawSeconds, windowSeconds: windowSeconds(options) };
    const dead = (reason: string): Answer => ({ type: "failed", reason: `its thread has ended (${reason})` });
    this.#start = () =>
      new WorkerChannel({ file: workerFile("./worker", import.meta.url), workerData, dead });
    this.#channel = this.#start();
    this.#options = options;
    this.#health = new SeriesHealth(path, options.log);
    this.#queueBytes = options.queueBytes ?? DEFAULT_QUEUE_BYTES;
    this.opened = this.#channel.opened.then((answer) => this.#health.heard(answer));
    this.#maintainLater();
  }

  get stats(): SeriesStats {
    const waitingBytes = this.#sentBytes + this.#batch.length;
    return { ...this.#counts, dropped: { ...this.#dropped }, waitingBytes };
  }

  append({ hostId, at, host, vms }: HostReport): boolean {
    const known = vms.every(({ id }) => id >= 0) ? vms : vms.filter(({ id }) => id >= 0);
    const stored = known.length === 0 || this.#add("vms", hostId, at, known);
    if (host === undefined) return stored;
    return this.#add("hosts", hostId, at, [hostReading(hostId, host)]) && stored;
  }

  #add(subject: Subject, hostId: number, measured: number, readings: readonly VmReading[]): boolean {
    const at = Math.floor(measured);
    const reason = this.#refusal(subject, hostId, at) ?? this.#write(subject, hostId, at, readings);
    if (reason !== undefined) this.#dropped[reason] += 1;
    return reason === undefined;
  }

  #refusal(subject: Subject, hostId: number, at: number): DropReason | undefined {
    const now = this.#now();
    const { length } = this.#batch;
    if (!Number.isInteger(hostId) || hostId < 0 || hostId > MAX_HOST_ID || !(at >= 0)) return "unfit";
    if (at > now + MAX_FUTURE_S) return "future";
    if (at <= now - this.#options.rawSeconds[subject]) return "expired";
    return this.#sentBytes + length >= this.#queueBytes || this.#closing !== undefined ? "full" : undefined;
  }

  #write(
    subject: Subject,
    hostId: number,
    at: number,
    readings: readonly VmReading[],
  ): DropReason | undefined {
    const start = this.#batch.length;
    writeReport(this.#batch, subject, hostId, at, readings);
    if (this.#batch.length - start > MAX_REPORT_BYTES) {
      this.#batch.cut(start);
      return "unfit";
    }
    this.#batched += 1;
    if (this.#batch.length >= BATCH_BYTES) this.#flush();
    else this.#cancelFlush ??= this.#options.clock.after(BATCH_MS, () => this.#flush());
    return undefined;
  }

  #flush(): void {
    this.#cancelFlush?.();
    this.#cancelFlush = undefined;
    if (this.#batched === 0) return;
    // A copy goes: what waits weighs what is counted, and not the writer's room, of which a batch may fill a tenth.
    const [batch, count] = [new Uint8Array(this.#batch.bytes()), this.#batched];
    this.#batch.cut(0);
    this.#batched = 0;
    this.#sentBytes += batch.length;
    const { length } = batch;
    void this.#channel.request({ type: "append", batch }, [batch.buffer]).then((answer) => {
      this.#sentBytes -= length;
      this.#health.heard(answer);
      if (answer.type !== "appended") this.#dropped.failed += count;
      else {
        this.#counts.reports += answer.reports;
        this.#counts.records += answer.records;
      }
    });
  }

  #maintainLater(): void {
    this.#cancelMaintenance = this.#options.clock.after(MAINTENANCE_MS, () => void this.#maintain());
  }

  async #maintain(): Promise<void> {
    // A thread that died has lost what it had in hand, as in a crash of the house; what is in the file goes on.
    if (this.#channel.isDead) this.#channel = this.#start();
    // A slice at a time: what was asked meanwhile is answered in between.
    for (let more = true; more && this.#closing === undefined; ) {
      const answer = await this.#channel.request({ type: "maintain", now: this.#now() });
      this.#health.heard(answer);
      more = answer.type === "maintained" && answer.more;
      if (answer.type !== "maintained") continue;
      this.#counts.fileBytes = answer.fileBytes;
      this.#counts.pendingWindows = answer.pendingWindows;
    }
    if (this.#closing === undefined) this.#maintainLater();
  }

  async vmHistory(vmId: number, stays: readonly Stay[], query: HistoryQuery): Promise<History> {
    return await this.#history("vms", vmId, stays, query);
  }

  async hostHistory(hostId: number, query: HistoryQuery): Promise<History> {
    const always = [{ hostId, from: 0, to: Number.POSITIVE_INFINITY }];
    return await this.#history("hosts", hostId, always, query);
  }

  async #history(
    subject: Subject,
    id: number,
    stays: readonly Stay[],
    query: HistoryQuery,
  ): Promise<History> {
    this.#flush();
    const resolution = this.#resolution(subject, query);
    const spans = this.#spans(subject, resolution, stays, query);
    const answer = await this.#channel.request({ type: "history", subject, id, resolution, spans });
    this.#health.heard(answer);
    if (answer.type === "raw") return { resolution: "raw", points: answer.points };
    if (answer.type === "rollup") return { resolution: "rollup", points: answer.points };
    const reason = answer.type === "failed" ? answer.reason : answer.type;
    throw new GatehouseError("unavailable", `The history cannot be read: ${reason}.`);
  }

  #resolution(subject: Subject, { from, to, resolution }: HistoryQuery): "raw" | "rollup" {
    if (resolution !== "auto") return resolution;
    const reach = Math.min(this.#options.rawSeconds[subject], MAX_RAW_S);
    return Math.min(to, this.#now()) - from > reach ? "rollup" : "raw";
  }

  /** The stays, cut to what was asked for and to what is kept. */
  #spans(
    subject: Subject,
    resolution: "raw" | "rollup",
    stays: readonly Stay[],
    query: HistoryQuery,
  ): readonly Span[] {
    const now = this.#now();
    const kept = resolution === "raw" ? this.#options.rawSeconds[subject] : windowSeconds(this.#options);
    const from = Math.max(0, Math.floor(query.from), now - kept);
    const to = Math.min(Math.floor(query.to), now + MAX_FUTURE_S);
    return stays
      .filter(({ hostId }) => hostId >= 0 && hostId <= MAX_HOST_ID)
      .map((stay) => ({
        hostId: stay.hostId,
        from: Math.max(from, stay.from),
        to: Math.min(to, stay.to),
      }))
      .filter((span) => span.from <= span.to);
  }

  #now(): number {
    return epochSeconds(this.#options.clock);
  }

  /** Lets the file hold so many pages and no more; reports beyond it are lost as on a full disk. */
  async limitPages(pages: number): Promise<void> {
    await this.#channel.request({ type: "limit", pages });
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#cancelMaintenance();
    this.#flush();
    this.#health.heard(await this.#channel.request({ type: "close" }));
    await this.#channel.ended();
  }
}

function windowSeconds(options: SeriesOptions): number {
  return options.windowSeconds ?? WINDOWS_KEPT_S;
}
