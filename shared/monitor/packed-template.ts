/** Templates and vectors as flat lists, `[name, value, name, value, ...]`, where a vector is a list of its own. */

import { groupAttributes } from "../template/group.ts";
import { type Template, type Value, type Vector, valuesOf } from "../template/types.ts";
import { misshapen, PlainFields, plainText } from "./plain-fields.ts";
import type { Plain } from "./plain-msgpack.ts";

export function packTemplate(template: Template): readonly Plain[] {
  return Object.keys(template).flatMap((name) =>
    valuesOf(template, name).flatMap((value) => [
      name,
      typeof value === "string" ? value : packVector(value),
    ]),
  );
}

export function packVector(vector: Vector): readonly Plain[] {
  return Object.entries(vector).flat();
}

/** @throws MonitorRefusal `malformed`. */
export function unpackTemplate(value: unknown): Template {
  const fields = new PlainFields(value);
  const attributes: { name: string; value: Value }[] = [];
  while (!fields.ended) attributes.push({ name: fields.name(), value: unpackValue(fields.next()) });
  return groupAttributes(attributes);
}

/** @throws MonitorRefusal `malformed`. */
export function unpackVector(value: unknown): Vector {
  const fields = new PlainFields(value);
  const entries: [string, string][] = [];
  const names = new Set<string>();
  while (!fields.ended) {
    const name = fields.name();
    if (names.has(name)) throw misshapen("a vector without repeated names");
    names.add(name);
    entries.push([name, fields.text()]);
  }
  return Object.fromEntries(entries);
}

function unpackValue(value: unknown): Value {
  return typeof value === "string" ? plainText(value) : unpackVector(value);
}
