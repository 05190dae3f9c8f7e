/**
 * Readings of VMs in a frame: the lists of metric names once each, and all records in one flat list,
 * `[names, id, deployId, more, value, value, ...]`, so that 20 VMs cost a few microseconds to read.
 */

import type { Template } from "../template/types.ts";
import { MAX_OBJECT_ID, MAX_VM_ATTRIBUTES, MAX_VMS } from "./limits.ts";
import { packTemplate, unpackTemplate } from "./packed-template.ts";
import { misshapen, PlainFields, plainName, plainText } from "./plain-fields.ts";
import type { Plain } from "./plain-msgpack.ts";
import type { MetricValue, VmReading, VmsReading } from "./readings.ts";

const NOTHING: Template = Object.freeze({});

export function packVms({ vms, more }: VmsReading): readonly Plain[] {
  const places = new Map<string, number>();
  const shapes: (readonly string[])[] = [];
  const records: Plain[] = [];
  for (const { id, deployId, names, values, more: rest } of vms) {
    // Compared by what they hold: readings that were made one by one share no list yet.
    const key = names.join(" ");
    const place = places.get(key) ?? shapes.push(names) - 1;
    places.set(key, place);
    const packed = packTemplate(rest);
    records.push(place, id, deployId, packed.length === 0 ? null : packed, ...values);
  }
  return [shapes, records, packTemplate(more)];
}

/** @throws MonitorRefusal `malformed`. */
export function unpackVms(fields: PlainFields): VmsReading {
  const shapes = unpackShapes(fields.next());
  const vms = unpackRecords(fields.next(), shapes);
  return { kind: "vms", vms, more: unpackTemplate(fields.next()) };
}

function unpackShapes(value: unknown): readonly (readonly string[])[] {
  const shapes: (readonly string[])[] = [];
  const fields = new PlainFields(value);
  while (!fields.ended) {
    const names = fields.next();
    if (!Array.isArray(names) || names.length > MAX_VM_ATTRIBUTES) throw misshapen("a list of metric names");
    const shape = names.map(plainName);
    if (new Set(shape).size !== shape.length) throw misshapen("a list of metric names without repeats");
    shapes.push(shape);
  }
  return shapes;
}

function unpackRecords(value: unknown, shapes: readonly (readonly string[])[]): readonly VmReading[] {
  if (!Array.isArray(value)) throw misshapen("a list of VMs");
  const list: readonly unknown[] = value;
  const vms: VmReading[] = [];
  for (let at = 0; at < list.length; ) {
    const names = shapes[wholeUpTo(list[at], 0, shapes.length - 1)];
    if (names === undefined || vms.length >= MAX_VMS) throw misshapen(`a list of at most ${MAX_VMS} VMs`);
    const more = list[at + 3];
    const values = list.slice(at + 4, at + 4 + names.length);
    if (values.length !== names.length || !values.every(isMetricValue))
      throw misshapen("a value for each metric");
    vms.push({
      id: wholeUpTo(list[at + 1], -1, MAX_OBJECT_ID),
      deployId: plainText(list[at + 2]),
      names,
      values,
      more: more === null ? NOTHING : unpackTemplate(more),
    });
    at += 4 + names.length;
  }
  return vms;
}

function wholeUpTo(value: unknown, least: number, most: number): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= least && value <= most) return value;
  throw misshapen(`a whole number from ${least} to ${most}`);
}

function isMetricValue(value: unknown): value is MetricValue {
  return typeof value === "number"
    ? Number.isFinite(value)
    : typeof value === "string" && !value.includes("\0");
}
