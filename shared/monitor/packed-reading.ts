/** Every other kind of reading in a frame; which kind it is follows from the message's type and status. */

import { MAX_OBJECT_ID, MAX_TEXT_CHARACTERS, MAX_VMS } from "./limits.ts";
import { packTemplate, packVector, unpackTemplate, unpackVector } from "./packed-template.ts";
import { packVms, unpackVms } from "./packed-vms.ts";
import { misshapen, type PlainFields } from "./plain-fields.ts";
import type { Plain } from "./plain-msgpack.ts";
import {
  type ExecutionsReading,
  type HostReading,
  REPORTED_STATES,
  type Reading,
  type StatesReading,
  type VmExecution,
  type VmStateReading,
  type WildVm,
} from "./readings.ts";

/** LOG's level follows from the status, so only its text travels. */
export function packReading(reading: Reading): readonly Plain[] {
  switch (reading.kind) {
    case "beacon":
      return [];
    case "failure":
    case "log":
    case "text":
      return [reading.text];
    case "host":
      return packHost(reading);
    case "vms":
      return packVms(reading);
    case "states":
      return packStates(reading);
    case "executions":
      return [
        reading.vms.flatMap(({ id, fields }): Plain[] => [id, packVector(fields)]),
        packTemplate(reading.more),
      ];
    default:
      return reading satisfies never;
  }
}

/** @throws MonitorRefusal `malformed`. */
export function unpackReading(
  kind: Exclude<Reading["kind"], "log">,
  fields: PlainFields,
): Exclude<Reading, { kind: "log" }> {
  switch (kind) {
    case "beacon":
      return { kind };
    case "failure":
      return { kind, text: unpackText(fields) };
    case "text":
      return { kind, text: fields.text() };
    case "host":
      return unpackHost(fields);
    case "vms":
      return unpackVms(fields);
    case "states":
      return unpackStates(fields);
    case "executions":
      return unpackExecutions(fields);
    default:
      return kind satisfies never;
  }
}

/** What a person will read, bounded as keptText bounds it. @throws MonitorRefusal `malformed`. */
export function unpackText(fields: PlainFields): string {
  const text = fields.text();
  if (text.length > MAX_TEXT_CHARACTERS)
    throw misshapen(`a text of at most ${MAX_TEXT_CHARACTERS} characters`);
  return text;
}

function packHost({ attributes, wilds }: HostReading): readonly Plain[] {
  const packed = wilds.flatMap(({ name, deployId, importTemplate, more }): Plain[] => [
    name,
    deployId,
    importTemplate,
    packVector(more),
  ]);
  return [packTemplate(attributes), packed];
}

function unpackHost(fields: PlainFields): HostReading {
  const attributes = unpackTemplate(fields.next());
  const wilds = unpackRecords(fields.fields(), readWild);
  return { kind: "host", attributes, wilds };
}

function readWild(list: PlainFields): WildVm {
  return {
    name: list.text(),
    deployId: list.text(),
    importTemplate: list.text(),
    more: unpackVector(list.next()),
  };
}

function packStates({ sync, missingState, vms, more }: StatesReading): readonly Plain[] {
  const packed = vms.flatMap(({ id, deployId, state, more: rest }): Plain[] => [
    id,
    deployId,
    REPORTED_STATES.indexOf(state),
    packVector(rest),
  ]);
  return [
    sync,
    missingState === undefined ? -1 : REPORTED_STATES.indexOf(missingState),
    packed,
    packTemplate(more),
  ];
}

function unpackStates(fields: PlainFields): StatesReading {
  const sync = fields.boolean();
  const missingState = REPORTED_STATES[fields.whole(-1, REPORTED_STATES.length - 1)];
  const vms = unpackRecords(fields.fields(), readState);
  return { kind: "states", sync, missingState, vms, more: unpackTemplate(fields.next()) };
}

function readState(list: PlainFields): VmStateReading {
  return {
    id: list.whole(-1, MAX_OBJECT_ID),
    deployId: list.text(),
    state: list.pick(REPORTED_STATES),
    more: unpackVector(list.next()),
  };
}

function unpackExecutions(fields: PlainFields): ExecutionsReading {
  const vms = unpackRecords(fields.fields(), readExecution);
  return { kind: "executions", vms, more: unpackTemplate(fields.next()) };
}

function readExecution(list: PlainFields): VmExecution {
  return { id: list.whole(-1, MAX_OBJECT_ID), fields: unpackVector(list.next()) };
}

function unpackRecords<T>(list: PlainFields, read: (list: PlainFields) => T): readonly T[] {
  const records: T[] = [];
  while (!list.ended) {
    if (records.length >= MAX_VMS) throw misshapen(`a list of at most ${MAX_VMS} VMs`);
    records.push(read(list));
  }
  return records;
}
