/** Monitor messages of every kind for property tests: random names, unicode, empty and large values. */

import fc from "fast-check";
import {
  logLevel,
  MESSAGE_STATUSES,
  MESSAGE_TYPES,
  type Message,
  type MessageStatus,
  type MessageType,
  readingKind,
} from "../../shared/monitor/message.ts";
import { vmReading } from "../../shared/monitor/read-vms.ts";
import { REPORTED_STATES, type Reading } from "../../shared/monitor/readings.ts";
import type { Template, Vector } from "../../shared/template/types.ts";

/** Any unicode but NUL, which no template holds. */
export const anyText = fc
  .string({ unit: "binary", maxLength: 40 })
  .map((text) => text.toWellFormed().replaceAll("\0", "0"));

const RESERVED = new Set(["VM", "ID", "DEPLOY_ID", "MONITOR", "STATE", "VM_NAME", "IMPORT_TEMPLATE"]);
const HEADS = new Set(["SYNC_STATE", "MISSING_STATE"]);

const name = fc.oneof(
  fc.constantFrom("CPU", "MEMORY", "NETRX", "DISK_SIZE", "__PROTO__", "CONSTRUCTOR", "0", "NETRX_BW"),
  fc.stringMatching(/^[A-Z_][A-Z0-9_]{0,8}$/).filter((text) => !RESERVED.has(text) && !HEADS.has(text)),
);
const value = fc.oneof(
  anyText,
  fc.integer().map(String),
  fc.double({ noNaN: true }).map(String),
  fc.constantFrom("0.0", "-0", "12.10", "007", "1e999", "NaN"),
);
const vector: fc.Arbitrary<Vector> = fc.dictionary(name, value, { maxKeys: 4, noNullPrototype: true });
const template: fc.Arbitrary<Template> = fc.dictionary(
  name,
  fc.oneof(
    { weight: 4, arbitrary: value },
    vector,
    fc.array(fc.oneof(value, vector), { minLength: 2, maxLength: 3 }),
  ),
  { maxKeys: 8, noNullPrototype: true },
);
const id = fc.integer({ min: -1, max: 2 ** 31 - 1 });

const vm = fc.record({ id, deployId: anyText, attributes: template });
const state = fc.record({ id, deployId: anyText, state: fc.constantFrom(...REPORTED_STATES), more: vector });
const wild = fc.record({ name: anyText, deployId: anyText, importTemplate: anyText, more: vector });
const execution = fc.record({ id, fields: vector });

function reading(type: MessageType, status: MessageStatus): fc.Arbitrary<Reading> {
  const kind = readingKind(type, status);
  switch (kind) {
    case "beacon":
      return fc.constant({ kind });
    case "failure":
    case "text":
      return anyText.map((text) => ({ kind, text }));
    case "log":
      return anyText.map((text) => ({ kind, level: logLevel(status), text }));
    case "host":
      return fc.record({
        kind: fc.constant(kind),
        attributes: template,
        wilds: fc.array(wild, { maxLength: 3 }),
      });
    case "vms":
      return fc
        .record({ kind: fc.constant(kind), vms: fc.array(vm, { maxLength: 5 }), more: template })
        .map((made) => ({
          ...made,
          vms: made.vms.map((one) => vmReading(one.id, one.deployId, one.attributes)),
        }));
    case "states":
      return fc.record({
        kind: fc.constant(kind),
        sync: fc.boolean(),
        missingState: fc.option(fc.constantFrom(...REPORTED_STATES), { nil: undefined }),
        vms: fc.array(state, { maxLength: 5 }),
        more: template,
      });
    case "executions":
      return fc.record({
        kind: fc.constant(kind),
        vms: fc.array(execution, { maxLength: 3 }),
        more: template,
      });
    default:
      return kind satisfies never;
  }
}

/** A message of any type and status with a reading that fits. */
export const anyMessage: fc.Arbitrary<Message> = fc
  .record({ type: fc.constantFrom(...MESSAGE_TYPES), status: fc.constantFrom(...MESSAGE_STATUSES) })
  .chain(({ type, status }) =>
    fc.record({
      type: fc.constant(type),
      status: fc.constant(status),
      oid: id,
      timestamp: fc.integer({ min: 0, max: 99_999_999_999 }),
      reading: reading(type, status),
    }),
  );
