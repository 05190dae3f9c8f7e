/**
 * A queue of records on disk that survives `kill -9`: segments that are appended to, read from the oldest, and removed
 * whole. It is bounded in bytes, and keeps the newest. When the disk refuses, the newest records wait in memory.
 */

import type { SpoolFiles } from "./spool-files.ts";
import { printRecord, readRecords } from "./spool-records.ts";

/** Of records that the disk refused. */
const MAX_PENDING_BYTES = 1024 * 1024;

/** What of a bound one segment takes: dropping the oldest drops no more than this. */
const SEGMENTS = 16;

const SEGMENT_NAME = /^(\d{12})\.spool$/;

export interface SpoolOptions {
  readonly files: SpoolFiles;
  readonly maxBytes: number;
  /** Told of records that were given up to keep the bound. */
  readonly onDropped: (records: number) => void;
}

interface Segment {
  readonly number: number;
  bytes: number;
  records: number;
}

export class Spool {
  readonly #files: SpoolFiles;
  readonly #maxBytes: number;
  readonly #segmentBytes: number;
  readonly #onDropped: (records: number) => void;
  #segments: Segment[] = [];
  /** Records of the oldest segment that are still in the queue; undefined while they are not read. */
  #front: Buffer[] | undefined;
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #nextNumber = 1;

  /** Takes up what is there. @throws Error when the directory cannot be read. */
  constructor({ files, maxBytes, onDropped }: SpoolOptions) {
    this.#files = files;
    this.#maxBytes = maxBytes;
    this.#segmentBytes = Math.ceil(maxBytes / SEGMENTS);
    this.#onDropped = onDropped;
    for (const name of files.list().toSorted()) this.#takeUp(name);
  }

  get isEmpty(): boolean {
    return this.#segments.length === 0 && this.#pending.length === 0;
  }

  /** At its end; never fails, and gives up the oldest to keep the bound. */
  append(bytes: Uint8Array): void {
    const record = printRecord(bytes);
    this.#pending.push(record);
    this.#pendingBytes += record.length;
    this.#writePending();
    this.#boundPending();
  }

  /** The oldest records, as many as are at hand: at least one unless the queue is empty. */
  front(): readonly Buffer[] {
    for (;;) {
      const oldest = this.#segments[0];
      if (oldest === undefined) return this.#pending.flatMap((record) => readRecords(record).records);
      this.#front ??= [...readRecords(this.#readSegment(oldest)).records];
      if (this.#front.length > 0) return this.#front;
      this.#onDropped(oldest.records);
      this.#removeOldest();
    }
  }

  /** Takes the first records of `front` away. */
  shift(count: number): void {
    const oldest = this.#segments[0];
    if (oldest === undefined || this.#front === undefined) {
      for (const record of this.#pending.splice(0, count)) this.#pendingBytes -= record.length;
      return;
    }
    this.#front.splice(0, count);
    oldest.records -= count;
    if (this.#front.length === 0) this.#removeOldest();
  }

  /** Everything in it, in order; for the start, when what was kept is looked through. */
  *all(): Iterable<Buffer> {
    for (const segment of this.#segments) yield* readRecords(this.#readSegment(segment)).records;
  }

  #takeUp(name: string): void {
    const number = Number(SEGMENT_NAME.exec(name)?.[1]);
    if (!(number > 0)) return;
    const { records, wholeBytes } = readRecords(this.#files.read(name));
    this.#nextNumber = number + 1;
    if (records.length === 0) this.#files.remove(name);
    else this.#segments.push({ number, bytes: wholeBytes, records: records.length });
  }

  #writePending(): void {
    while (this.#pending[0] !== undefined) {
      const record = this.#pending[0];
      if (!this.#write(record)) return;
      this.#pending.shift();
      this.#pendingBytes -= record.length;
    }
  }

  #write(record: Buffer): boolean {
    const segment = this.#segmentFor(record.length);
    try {
      // After a crash or a refusal part of a record may stand behind the whole ones.
      this.#files.truncate(nameOf(segment.number), segment.bytes);
      this.#files.append(nameOf(segment.number), record);
    } catch {
      if (segment.records === 0) this.#forget(segment);
      return false;
    }
    segment.bytes += record.length;
    segment.records += 1;
    if (segment === this.#segments[0]) this.#front?.push(...readRecords(record).records);
    this.#keepBound();
    return true;
  }

  #segmentFor(bytes: number): Segment {
    const newest = this.#segments.at(-1);
    if (newest !== undefined && newest.bytes + bytes <= this.#segmentBytes) return newest;
    const segment = { number: this.#nextNumber, bytes: 0, records: 0 };
    this.#nextNumber += 1;
    this.#segments.push(segment);
    return segment;
  }

  #keepBound(): void {
    while (this.#segments.length > 1 && sum(this.#segments) > this.#maxBytes) {
      this.#onDropped(this.#segments[0]?.records ?? 0);
      this.#removeOldest();
    }
  }

  #boundPending(): void {
    let dropped = 0;
    while (this.#pendingBytes > MAX_PENDING_BYTES && this.#pending.length > 1) {
      this.#pendingBytes -= this.#pending.shift()?.length ?? 0;
      dropped += 1;
    }
    if (dropped > 0) this.#onDropped(dropped);
  }

  #removeOldest(): void {
    const oldest = this.#segments[0];
    if (oldest !== undefined) this.#forget(oldest);
    this.#front = undefined;
  }

  #forget(segment: Segment): void {
    this.#segments = this.#segments.filter((other) => other !== segment);
    try {
      this.#files.remove(nameOf(segment.number));
    } catch {
      // It comes again after the next start; what is delivered twice is known by its number or its time.
    }
  }

  #readSegment({ number }: Segment): Buffer {
    try {
      return this.#files.read(nameOf(number));
    } catch {
      // Gone or unreadable: its records are lost, those of the others are not.
      return Buffer.alloc(0);
    }
  }
}

/** So that names sort as numbers do. */
function nameOf(number: number): string {
  return `${String(number).padStart(12, "0")}.spool`;
}

function sum(segments: readonly Segment[]): number {
  return segments.reduce((bytes, segment) => bytes + segment.bytes, 0);
}
