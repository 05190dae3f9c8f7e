/** Records in a segment: length and checksum, four bytes each, then the bytes. The first that is not whole ends it. */

import { crc32 } from "node:zlib";

const HEAD_BYTES = 8;

export function printRecord(bytes: Uint8Array): Buffer {
  const record = Buffer.allocUnsafe(HEAD_BYTES + bytes.length);
  record.writeUInt32BE(bytes.length, 0);
  record.writeUInt32BE(crc32(bytes), 4);
  record.set(bytes, HEAD_BYTES);
  return record;
}

export interface ReadRecords {
  readonly records: readonly Buffer[];
  /** Up to where the segment is whole; what follows was torn by a crash or damaged. */
  readonly wholeBytes: number;
}

export function readRecords(segment: Buffer): ReadRecords {
  const records: Buffer[] = [];
  let at = 0;
  while (at + HEAD_BYTES <= segment.length) {
    const end = at + HEAD_BYTES + segment.readUInt32BE(at);
    if (end > segment.length) break;
    const bytes = segment.subarray(at + HEAD_BYTES, end);
    if (crc32(bytes) !== segment.readUInt32BE(at + 4)) break;
    records.push(bytes);
    at = end;
  }
  return { records, wholeBytes: at };
}
