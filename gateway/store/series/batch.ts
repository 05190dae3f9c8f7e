/** Reports on their way to the worker thread, one behind the other in one piece of memory. */

import type { VmReading } from "../../../shared/monitor/readings.ts";
import { ByteReader, type ByteWriter } from "./bytes.ts";
import { writeReadings } from "./raw-blob.ts";

/** What is kept apart, since it is told apart and expires apart. */
export const SUBJECTS = ["hosts", "vms"] as const;

export type Subject = (typeof SUBJECTS)[number];

/** Size, subject, host and number of readings. */
const SIZE_BYTES = 4;

export interface BatchedReport {
  readonly subject: Subject;
  readonly hostId: number;
  readonly at: number;
  readonly records: number;
  readonly bytes: Uint8Array;
}

/** Writes one report; `at` in whole seconds, not negative. */
export function writeReport(
  writer: ByteWriter,
  subject: Subject,
  hostId: number,
  at: number,
  readings: readonly VmReading[],
): void {
  const start = writer.length;
  writer.fixed(0, SIZE_BYTES);
  writer.fixed(SUBJECTS.indexOf(subject), 1);
  writer.varint(hostId);
  writer.varint(at);
  writer.varint(readings.length);
  writeReadings(writer, readings);
  writer.patch(start, writer.length - start - SIZE_BYTES);
}

export function readReports(batch: Uint8Array): readonly BatchedReport[] {
  const reader = new ByteReader(batch);
  const reports: BatchedReport[] = [];
  while (reader.at < reader.length) {
    const size = reader.fixed(SIZE_BYTES);
    const end = reader.at + size;
    const subject = SUBJECTS[reader.fixed(1)] ?? "vms";
    const [hostId, at, records] = [reader.varint(), reader.varint(), reader.varint()];
    reports.push({ subject, hostId, at, records, bytes: reader.slice(reader.at, end) });
    reader.at = end;
  }
  return reports;
}
