/**
 * How many attributes a guest may have its VM hold, and how long they may be. It is OneGate's bound on guests; what
 * bounds everybody, administrators too, is the cloud's (gateway/cloud/embedded/bounds.ts).
 */

import { GatehouseError } from "../../../shared/errors.ts";
import type { Attribute } from "../../../shared/template/parse.ts";
import { type Template, type Value, valuesOf } from "../../../shared/template/types.ts";

export interface AttributeBounds {
  /** Of the whole user template, counted as `attributesOf` does. */
  readonly attributes: number;
  /** In characters (UTF-16 units), of each name and of each value. */
  readonly attributeNameLength: number;
  readonly attributeLength: number;
}

/** @throws GatehouseError `too_large` for a name or a value, also inside a vector, that is longer than its bound. */
export function checkLengths(written: readonly Attribute[], bounds: AttributeBounds): void {
  for (const { name, value } of written) {
    checkName(name, bounds);
    if (typeof value === "string") {
      checkValue(name, value, bounds);
      continue;
    }
    for (const [inner, text] of Object.entries(value)) {
      checkName(inner, bounds);
      checkValue(`${name}/${inner}`, text, bounds);
    }
  }
}

/**
 * What holds too many already may stay so, and shrink, but not grow.
 * @throws GatehouseError `too_large` with the bound.
 */
export function checkCount(before: Template, after: Template, { attributes }: AttributeBounds): void {
  const count = attributesOf(after);
  if (count <= attributes || count <= attributesOf(before)) return;
  throw new GatehouseError(
    "too_large",
    `A VM holds at most ${attributes} attributes, those inside vectors counted too; with this it would hold ${count}.`,
  );
}

/** Each value of each name is one, and each attribute inside a vector one more. */
export function attributesOf(template: Template): number {
  let count = 0;
  for (const name of Object.keys(template)) {
    for (const value of valuesOf(template, name)) count += 1 + innerCount(value);
  }
  return count;
}

function innerCount(value: Value): number {
  return typeof value === "string" ? 0 : Object.keys(value).length;
}

function checkName(name: string, { attributeNameLength: most }: AttributeBounds): void {
  if (name.length <= most) return;
  throw new GatehouseError(
    "too_large",
    `An attribute's name has at most ${most} characters; one that begins with ${name.slice(0, 32)} has ${name.length}.`,
  );
}

function checkValue(path: string, value: string, { attributeLength: most }: AttributeBounds): void {
  if (value.length <= most) return;
  throw new GatehouseError(
    "too_large",
    `An attribute's value has at most ${most} characters; that of ${path} has ${value.length}.`,
  );
}
