/** The agent's spool: order, bounds, and what a crash or a full disk leaves of it. */

import { expect, test } from "vitest";
import { Spool } from "../../agent/host/spool.ts";
import type { SpoolFiles } from "../../agent/host/spool-files.ts";

/** A disk in memory that can be full, and that can end in the middle of a write. */
class FaultyDisk implements SpoolFiles {
  readonly files = new Map<string, Buffer>();
  /** Bytes that fit still; what does not fit is written in part, as a disk does. */
  room = Number.POSITIVE_INFINITY;

  list(): readonly string[] {
    return [...this.files.keys()];
  }

  read(name: string): Buffer {
    const bytes = this.files.get(name);
    if (bytes === undefined) throw new Error("no such file");
    return bytes;
  }

  append(name: string, bytes: Uint8Array): void {
    const written = bytes.subarray(0, Math.min(bytes.length, this.room));
    this.room -= written.length;
    this.files.set(name, Buffer.concat([this.files.get(name) ?? Buffer.alloc(0), written]));
    if (written.length < bytes.length) throw new Error("ENOSPC: no space left on device");
  }

  truncate(name: string, bytes: number): void {
    const file = this.files.get(name);
    if (file === undefined) return;
    this.room += Math.max(0, file.length - bytes);
    this.files.set(name, file.subarray(0, bytes));
  }

  remove(name: string): void {
    this.room += this.files.get(name)?.length ?? 0;
    this.files.delete(name);
  }
}

function spoolOn(files: SpoolFiles, maxBytes = 16_000) {
  const dropped: number[] = [];
  return { dropped, spool: new Spool({ files, maxBytes, onDropped: (records) => dropped.push(records) }) };
}

const record = (number: number): Buffer => Buffer.from(`record ${number} `.padEnd(100, "."));
const numbersOf = (records: Iterable<Buffer>): number[] =>
  [...records].map((bytes) => Number(/\d+/.exec(bytes.toString())?.[0]));

/** Takes all out, one after another. */
function drain(spool: Spool): number[] {
  const numbers: number[] = [];
  while (!spool.isEmpty) {
    numbers.push(...numbersOf(spool.front().slice(0, 1)));
    spool.shift(1);
  }
  return numbers;
}

const upTo = (count: number, from = 0): number[] => Array.from({ length: count }, (_, index) => from + index);

test("records come out in the order in which they went in, over many segments", () => {
  const { spool } = spoolOn(new FaultyDisk());
  for (const number of upTo(100)) spool.append(record(number));
  expect(drain(spool)).toEqual(upTo(100));
});

test("another start takes up what an earlier one left, and goes on behind it", () => {
  const disk = new FaultyDisk();
  const before = spoolOn(disk).spool;
  for (const number of upTo(30)) before.append(record(number));
  const { spool } = spoolOn(disk);
  spool.append(record(30));
  expect(drain(spool)).toEqual(upTo(31));
  expect(disk.list()).toEqual([]);
});

test.each(upTo(108, 1))(
  "of a record that was torn %i bytes before its end nothing remains but the others",
  (torn) => {
    const disk = new FaultyDisk();
    const before = spoolOn(disk).spool;
    for (const number of upTo(3)) before.append(record(number));
    for (const [name, bytes] of disk.files) disk.files.set(name, bytes.subarray(0, bytes.length - torn));
    const { spool } = spoolOn(disk);
    spool.append(record(7));
    expect(drain(spool)).toEqual([0, 1, 7]);
  },
);

test("a record that was damaged on the disk is not handed out", () => {
  const disk = new FaultyDisk();
  const before = spoolOn(disk).spool;
  for (const number of upTo(3)) before.append(record(number));
  for (const bytes of disk.files.values()) bytes[150] = 7;
  expect(drain(spoolOn(disk).spool)).toEqual([0]);
});

test("beyond its bound the oldest records go, and are counted", () => {
  const disk = new FaultyDisk();
  const { spool, dropped } = spoolOn(disk);
  for (const number of upTo(1000)) spool.append(record(number));
  const kept = drain(spool);
  const lost = dropped.reduce((sum, count) => sum + count, 0);
  expect(kept).toEqual(upTo(1000 - lost, lost));
  // A sixteenth of 16,000 bytes is given up at a time.
  expect(kept.length).toBeGreaterThan(130);
  expect([...disk.files.values()].reduce((sum, bytes) => sum + bytes.length, 0)).toBeLessThanOrEqual(16_000);
});

test("while the disk is full, records wait in memory, and nothing is lost or out of order", () => {
  const disk = new FaultyDisk();
  const { spool, dropped } = spoolOn(disk);
  for (const number of upTo(5)) spool.append(record(number));
  disk.room = 250;
  for (const number of upTo(20, 5)) spool.append(record(number));
  disk.room = 10_000;
  for (const number of upTo(5, 25)) spool.append(record(number));
  expect(drain(spool)).toEqual(upTo(30));
  expect(dropped).toEqual([]);
});

test("what a full disk tore is cut off before the next record is written", () => {
  const disk = new FaultyDisk();
  const { spool } = spoolOn(disk);
  spool.append(record(0));
  disk.room = 50;
  spool.append(record(1));
  disk.room = 10_000;
  spool.append(record(2));
  expect(drain(spoolOn(disk).spool)).toEqual([0, 1, 2]);
});

test("a disk that stays full costs the oldest records in memory, and they are counted", () => {
  const disk = new FaultyDisk();
  disk.room = 0;
  const { spool, dropped } = spoolOn(disk);
  const large = (number: number): Buffer => Buffer.from(`record ${number} `.padEnd(300_000, "."));
  for (const number of upTo(10)) spool.append(large(number));
  const kept = drain(spool);
  expect(kept).toEqual([7, 8, 9]);
  expect(dropped.reduce((sum, count) => sum + count, 0)).toBe(7);
});
