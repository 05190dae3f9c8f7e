/**
 * The audit's file: lines gathered in memory and appended in batches, without fsync, into a file that is rotated. A
 * disk that is full or slow costs lines, which are counted, and never a request.
 */

import type { Clock } from "../../shared/clock.ts";
import { errorText } from "../../shared/errors.ts";
import type { Logger } from "../../shared/log.ts";
import { type AuditDisk, fileDisk } from "./audit-disk.ts";

/** What waits for the disk; lines beyond are dropped. */
const MAX_QUEUED_BYTES = 8 * 1_024 * 1_024;
/** Lines gather for so long before they are written: a write a line would cost 20 µs each. */
const GATHER_MS = 100;
/** Dropped lines are told so often at most. */
const COMPLAINT_MS = 60_000;

export interface AuditFileOptions {
  readonly path: string;
  /** A file that would grow beyond is put aside as `.1`, the older ones one further. */
  readonly maxBytes: number;
  /** Files kept, the one being written among them. */
  readonly files: number;
  readonly clock: Clock;
  readonly log: Logger;
  readonly disk?: AuditDisk;
}

export class AuditFile {
  readonly #options: AuditFileOptions;
  readonly #disk: AuditDisk;
  #queue: Buffer[] = [];
  #queuedBytes = 0;
  #writing: Promise<void> | undefined;
  #cancelGather: (() => void) | undefined;
  #closed = false;
  #written = 0;
  #dropped = 0;
  #untold = 0;
  #toldAt = Number.NEGATIVE_INFINITY;

  constructor(options: AuditFileOptions) {
    this.#options = options;
    this.#disk = options.disk ?? fileDisk(options.path, options.files);
  }

  /** @throws GatehouseError `unavailable` when the file cannot be opened. */
  async open(): Promise<void> {
    await this.#disk.open();
  }

  /** Lines that the operating system has. */
  get written(): number {
    return this.#written;
  }

  get dropped(): number {
    return this.#dropped;
  }

  /** `line` ends with its line break. */
  write(line: string): void {
    const bytes = Buffer.from(line);
    if (this.#closed || this.#queuedBytes + bytes.length > MAX_QUEUED_BYTES) {
      this.#drop(1, "the disk is too slow for it");
      return;
    }
    this.#queue.push(bytes);
    this.#queuedBytes += bytes.length;
    this.#flushSoon();
  }

  /** Resolves when all that was written before is with the operating system, or dropped; never rejects. */
  async flush(): Promise<void> {
    this.#cancelGather?.();
    this.#cancelGather = undefined;
    this.#writing ??= this.#writeAll().finally(() => {
      this.#writing = undefined;
      this.#flushSoon();
    });
    await this.#writing;
  }

  async close(): Promise<void> {
    this.#closed = true;
    while (this.#queue.length > 0 || this.#writing !== undefined) await this.flush();
    await this.#disk.close();
  }

  #flushSoon(): void {
    if (this.#queue.length === 0 || this.#writing !== undefined) return;
    this.#cancelGather ??= this.#options.clock.after(GATHER_MS, () => void this.flush());
  }

  async #writeAll(): Promise<void> {
    while (this.#queue.length > 0) {
      const batch = this.#nextBatch();
      try {
        await this.#append(Buffer.concat(batch));
        this.#written += batch.length;
      } catch (error) {
        this.#drop(batch.length, errorText(error));
      }
    }
  }

  async #append(bytes: Buffer): Promise<void> {
    const size = await this.#disk.open();
    if (size > 0 && size + bytes.length > this.#options.maxBytes) await this.#disk.rotate();
    await this.#disk.append(bytes);
  }

  /** Whole lines, of a size that leaves no file larger than it may be. */
  #nextBatch(): readonly Buffer[] {
    let bytes = 0;
    const end = this.#queue.findIndex((line) => {
      bytes += line.length;
      return bytes > this.#options.maxBytes;
    });
    const batch = this.#queue.splice(0, end < 0 ? this.#queue.length : Math.max(1, end));
    this.#queuedBytes -= batch.reduce((sum, line) => sum + line.length, 0);
    return batch;
  }

  #drop(lines: number, reason: string): void {
    const { clock, log, path } = this.#options;
    this.#dropped += lines;
    this.#untold += lines;
    const now = clock.elapsed();
    if (now - this.#toldAt < COMPLAINT_MS) return;
    log.error(
      { file: path, lines: this.#untold, dropped: this.#dropped, reason },
      "Audit lines were dropped",
    );
    this.#toldAt = now;
    this.#untold = 0;
  }
}
