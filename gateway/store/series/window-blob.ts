/**
 * The blob of one window of 5 minutes: of each object and each metric that is a number the count, the least, the
 * greatest, the last and the sum. Made of the window's raw blobs, so that making it again gives the same.
 */

import { WINDOW_S, type WindowPoint } from "../../../shared/monitor/history.ts";
import { ByteReader, type ByteWriter } from "./bytes.ts";
import { isHundredths, type ValueAt } from "./column.ts";
import {
  type BlobReader,
  type GroupRead,
  type GroupToWrite,
  type RowRead,
  unlessDamaged,
  writeBlob,
} from "./group.ts";

/** A blob and when it was measured. */
export interface RawBlob {
  readonly at: number;
  readonly bytes: Uint8Array;
}

interface Sums {
  count: number;
  sum: number;
  least: number;
  greatest: number;
  last: number;
}

interface ObjectSums {
  readonly id: number;
  at: number;
  readonly metrics: Map<string, Sums>;
}

/** Before the metrics' columns: seconds from the window's begin to the object's last reading. */
const COLUMNS_BEFORE = 1;
/** Of a metric: scale, count, and least; greatest, last and sum by their distance from it unless the scale is 0. */
const COLUMNS_PER_METRIC = 6;
const DOUBLES = 0;
const SCALES: readonly (1 | 100)[] = [1, 100];
const MAX_SUM = 2 ** 50;

/** Writes a window's blob of its raw ones, in their order of time; damaged ones are passed over. */
export function writeWindow(
  writer: ByteWriter,
  blobs: BlobReader,
  from: number,
  raws: Iterable<RawBlob>,
): void {
  const objects = new Map<number, ObjectSums>();
  for (const { at, bytes } of raws) {
    const groups = unlessDamaged(() => blobs.all(new ByteReader(bytes))) ?? [];
    for (const group of groups) addGroup(objects, group, at);
  }
  const counted = [...objects.values()].filter(({ metrics }) => metrics.size > 0);
  const groups = Map.groupBy(counted, ({ metrics }) => [...metrics.keys()].join("\n"));
  writeBlob(
    writer,
    [...groups.values()].map((group) => groupToWrite(group, from)),
  );
}

function addGroup(objects: Map<number, ObjectSums>, { names, ids, columns }: GroupRead, at: number): void {
  for (const [row, id] of ids.entries()) {
    const object = objects.get(id) ?? { id, at, metrics: new Map<string, Sums>() };
    objects.set(id, object);
    object.at = at;
    for (const [index, name] of names.entries()) {
      const value = columns[index]?.[row];
      if (typeof value === "number") addValue(object.metrics, name, value);
    }
  }
}

function addValue(metrics: Map<string, Sums>, name: string, value: number): void {
  const sums = metrics.get(name);
  if (sums === undefined) {
    metrics.set(name, { count: 1, sum: value, least: value, greatest: value, last: value });
    return;
  }
  sums.count += 1;
  sums.sum += value;
  sums.least = Math.min(sums.least, value);
  sums.greatest = Math.max(sums.greatest, value);
  sums.last = value;
}

function groupToWrite(objects: readonly ObjectSums[], from: number): GroupToWrite {
  const names = [...(objects[0]?.metrics.keys() ?? [])];
  const columns: ValueAt[] = [(row) => (objects[row]?.at ?? from) - from];
  for (const name of names) columns.push(...metricColumns(objects.map(({ metrics }) => metrics.get(name))));
  return { names, ids: objects.map(({ id }) => id), columns };
}

function metricColumns(sums: readonly (Sums | undefined)[]): readonly ValueAt[] {
  const known = sums.filter((each) => each !== undefined);
  const scale = SCALES.find((candidate) => known.every((each) => fits(each, candidate))) ?? DOUBLES;
  const column = (value: (each: Sums) => number): ValueAt => {
    return (row) => {
      const each = known[row];
      return each === undefined ? 0 : value(each);
    };
  };
  const far =
    (value: (each: Sums) => number, times: (each: Sums) => number) =>
    (each: Sums): number =>
      scale === DOUBLES ? value(each) : whole(value(each), scale) - whole(each.least, scale) * times(each);
  return [
    () => scale,
    column(({ count }) => count),
    column(({ least }) => (scale === DOUBLES ? least : whole(least, scale))),
    column(
      far(
        ({ greatest }) => greatest,
        () => 1,
      ),
    ),
    column(
      far(
        ({ last }) => last,
        () => 1,
      ),
    ),
    column(
      far(
        ({ sum }) => sum,
        ({ count }) => count,
      ),
    ),
  ];
}

/** Whether all of it are whole numbers of this scale, so small that their differences are exact. */
function fits({ least, greatest, last, sum }: Sums, scale: 1 | 100): boolean {
  if (Math.abs(sum) * scale > MAX_SUM || Math.abs(least) * scale > MAX_SUM) return false;
  return [least, greatest, last].every((value) =>
    scale === 1 ? Number.isSafeInteger(value) : isHundredths(value),
  );
}

function whole(value: number, scale: number): number {
  return scale === 1 ? value : Math.round(value * scale);
}

/** What a window says of one object; undefined when nothing, or damaged. */
export function readWindow(
  blobs: BlobReader,
  bytes: Uint8Array,
  id: number,
  from: number,
): WindowPoint | undefined {
  const [row] = unlessDamaged(() => blobs.rowsOf(new ByteReader(bytes), id)) ?? [];
  if (row === undefined) return undefined;
  const metrics = row.names.map((_, index) => metricOf(row, COLUMNS_BEFORE + index * COLUMNS_PER_METRIC));
  return {
    from,
    at: from + Math.min(Number(row.columns[0]), WINDOW_S),
    names: row.names,
    counts: metrics.map(({ count }) => count),
    sums: metrics.map(({ sum }) => sum),
    minima: metrics.map(({ least }) => least),
    maxima: metrics.map(({ greatest }) => greatest),
    lasts: metrics.map(({ last }) => last),
  };
}

function metricOf({ columns }: RowRead, start: number): Sums {
  const [scale = 0, count = 0, least = 0, greatest = 0, last = 0, sum = 0] = columns
    .slice(start, start + COLUMNS_PER_METRIC)
    .map(Number);
  if (scale === DOUBLES) return { count, least, greatest, last, sum };
  return {
    count,
    least: least / scale,
    greatest: (least + greatest) / scale,
    last: (least + last) / scale,
    sum: (least * count + sum) / scale,
  };
}
