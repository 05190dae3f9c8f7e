/**
 * A blob: one row of a series, which holds groups of objects that told the same names. A group is its names, the ids
 * and one column after another; an object is found by its id, and read without decoding its neighbours.
 */

import type { MetricValue } from "../../../shared/monitor/readings.ts";
import type { ByteReader, ByteWriter } from "./bytes.ts";
import { lastRowOf, readAll, readOne, type ValueAt, writeColumn } from "./column.ts";

const VERSION = 1;

/** Rows, names and columns of a blob at most: ten times what a message holds. */
const MAX_COUNT = 100_000;

/** Names that take one byte. Their order is in every file: new ones go to the end. */
const KNOWN_NAMES: readonly string[] = [
  ...["CPU", "MEMORY", "NETRX", "NETTX", "DISKRDBYTES", "DISKWRBYTES", "DISKRDIOPS", "DISKWRIOPS"],
  ...["HYPERVISOR", "USEDCPU", "FREECPU", "USEDMEMORY", "FREEMEMORY", "GUEST_IP", "GUEST_IP_ADDRESSES"],
  ...["CPU_FORECAST", "CPU_FORECAST_FAR", "NETRX_BW", "NETTX_BW", "DISKRDBYTES_BW", "DISKWRBYTES_BW"],
];
const KNOWN_PLACES: ReadonlyMap<string, number> = new Map(KNOWN_NAMES.map((name, at) => [name, at + 1]));
/** The name follows, written out. */
const WRITTEN_OUT = 0;

/** What the writer is told of a group; `columns` are in an order that the kind of blob knows. */
export interface GroupToWrite {
  readonly names: readonly string[];
  readonly ids: readonly number[];
  readonly columns: readonly ValueAt[];
}

export function writeBlob(writer: ByteWriter, groups: readonly GroupToWrite[]): void {
  writer.fixed(VERSION, 1);
  writer.varint(groups.length);
  for (const group of groups) {
    const start = writer.length;
    writer.fixed(0, 4);
    writeGroup(writer, group);
    writer.patch(start, writer.length - start - 4);
  }
}

function writeGroup(writer: ByteWriter, { names, ids, columns }: GroupToWrite): void {
  writer.varint(names.length);
  for (const name of names) {
    const place = KNOWN_PLACES.get(name) ?? WRITTEN_OUT;
    writer.fixed(place, 1);
    if (place === WRITTEN_OUT) writer.text(name);
  }
  writer.varint(ids.length);
  writeColumn(writer, ids.length, (row) => ids[row] ?? 0);
  writer.varint(columns.length);
  for (const column of columns) writeColumn(writer, ids.length, column);
}

/** What one object has in a group: a value of each column. */
export interface RowRead {
  readonly names: readonly string[];
  readonly columns: readonly MetricValue[];
}

export interface GroupRead {
  readonly names: readonly string[];
  readonly ids: readonly number[];
  readonly columns: readonly (readonly MetricValue[])[];
}

/** Reads blobs; those of a series repeat their names, which it then gives as one array. */
export class BlobReader {
  #nameBytes: Buffer = Buffer.alloc(0);
  #names: readonly string[] = [];

  /** What is said of one object; several rows when groups of probes told of it. @throws RangeError when damaged. */
  rowsOf(reader: ByteReader, id: number): readonly RowRead[] {
    return this.#groups(reader, (rows, names) => {
      const row = lastRowOf(reader, rows, id);
      if (row < 0) return undefined;
      const columns = new Array<MetricValue>(boundedCount(reader));
      for (let at = 0; at < columns.length; at++) columns[at] = readOne(reader, rows, row);
      return { names, columns };
    });
  }

  /** Everything. @throws RangeError when damaged. */
  all(reader: ByteReader): readonly GroupRead[] {
    return this.#groups(reader, (rows, names) => {
      const ids = readAll(reader, rows).map(Number);
      const columns = Array.from({ length: boundedCount(reader) }, () => readAll(reader, rows));
      return { names, ids, columns };
    });
  }

  #groups<T>(reader: ByteReader, read: (rows: number, names: readonly string[]) => T | undefined): T[] {
    if (reader.fixed(1) !== VERSION) throw new RangeError("No blob of a known version.");
    const found: T[] = [];
    for (let left = reader.varint(); left > 0; left--) {
      const size = reader.fixed(4);
      const end = reader.at + size;
      const names = this.#readNames(reader);
      const one = read(boundedCount(reader), names);
      if (one !== undefined) found.push(one);
      reader.at = end;
    }
    return found;
  }

  #readNames(reader: ByteReader): readonly string[] {
    const start = reader.at;
    const known = this.#nameBytes;
    const end = start + known.length;
    if (known.length > 0 && known.equals(reader.slice(start, end))) {
      reader.at = end;
      return this.#names;
    }
    this.#names = Array.from({ length: boundedCount(reader) }, () => {
      const place = reader.fixed(1);
      return place === WRITTEN_OUT ? reader.text() : (KNOWN_NAMES[place - 1] ?? "");
    });
    this.#nameBytes = Buffer.from(reader.slice(start, reader.at));
    return this.#names;
  }
}

/** A row whose bytes are no blob costs itself, not the history it stands in. */
export function unlessDamaged<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof RangeError || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** A damaged count must not make a huge array. */
function boundedCount(reader: ByteReader): number {
  const count = reader.varint();
  if (count > MAX_COUNT) throw new RangeError("The bytes are damaged.");
  return count;
}
