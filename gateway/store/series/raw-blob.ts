/** The blob of one report: each VM's values as they were read, or the host's own. */

import type { RawPoint } from "../../../shared/monitor/history.ts";
import type { MetricValue, VmReading } from "../../../shared/monitor/readings.ts";
import type { Template } from "../../../shared/template/types.ts";
import { ByteReader, type ByteWriter } from "./bytes.ts";
import { type BlobReader, type GroupToWrite, type RowRead, unlessDamaged, writeBlob } from "./group.ts";

const NO_MORE: Template = Object.freeze({});

/** Writes readings of one report; wild VMs (id -1) are left out by the caller. */
export function writeReadings(writer: ByteWriter, readings: readonly VmReading[]): void {
  writeBlob(writer, groupsOf(readings).map(groupToWrite));
}

/** A host's attributes in the form of a reading, so that both are stored alike. */
export function hostReading(hostId: number, attributes: Template): VmReading {
  const names: string[] = [];
  const values: MetricValue[] = [];
  const more: Record<string, Template[string]> = {};
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value !== "string") more[name] = value;
    else {
      names.push(name);
      values.push(String(Number(value)) === value ? Number(value) : value);
    }
  }
  return { id: hostId, deployId: "", names, values, more };
}

/** Readings of the same names; those of one message mostly share the array. */
function groupsOf(readings: readonly VmReading[]): readonly (readonly VmReading[])[] {
  const groups: VmReading[][] = [];
  for (const reading of readings) {
    const group = groups.find(([first]) => first !== undefined && sameNames(first.names, reading.names));
    if (group === undefined) groups.push([reading]);
    else group.push(reading);
  }
  return groups;
}

function sameNames(left: readonly string[], right: readonly string[]): boolean {
  return (
    left === right || (left.length === right.length && left.every((name, index) => name === right[index]))
  );
}

function groupToWrite(readings: readonly VmReading[]): GroupToWrite {
  const names = readings[0]?.names ?? [];
  const columns = names.map((_, column) => (row: number) => readings[row]?.values[column] ?? 0);
  const texts = readings.map(({ more }) => moreText(more));
  if (texts.some((text) => text !== "")) columns.push((row) => texts[row] ?? "");
  return { names, ids: readings.map(({ id }) => id), columns };
}

function moreText(more: Template): string {
  for (const _ in more) return JSON.stringify(more);
  return "";
}

/** What a report says of one object; undefined when nothing, or damaged. */
export function readPoint(
  blobs: BlobReader,
  bytes: Uint8Array,
  id: number,
  at: number,
): RawPoint | undefined {
  return unlessDamaged(() => {
    const [first, ...others] = blobs.rowsOf(new ByteReader(bytes), id);
    if (first === undefined) return undefined;
    return others.reduce((point, row) => mergePoints(point, pointOf(row, at)), pointOf(first, at));
  });
}

function pointOf({ names, columns }: RowRead, at: number): RawPoint {
  const more = columns[names.length];
  const values = more === undefined ? columns : columns.slice(0, names.length);
  // What stands there is what `moreText` wrote of a template.
  return { at, names, values, more: more ? (JSON.parse(String(more)) as Template) : NO_MORE };
}

/** Several readings of one VM in a message are one, later over earlier. */
function mergePoints(earlier: RawPoint, later: RawPoint): RawPoint {
  const values = new Map(earlier.names.map((name, index) => [name, earlier.values[index] ?? 0]));
  for (const [index, name] of later.names.entries()) values.set(name, later.values[index] ?? 0);
  return {
    at: later.at,
    names: [...values.keys()],
    values: [...values.values()],
    more: { ...earlier.more, ...later.more },
  };
}
