/** Templates as text, in the form OpenNebula prints: always quoted, so that either reading of it is the same. */

import { printValue } from "./quoted.ts";
import { type Template, type Value, type Vector, valuesOf } from "./types.ts";

export { printValue } from "./quoted.ts";

/**
 * One `NAME="value"` a line, vectors over several lines, names in the template's order; empty text for an empty
 * template. parseTemplate gives the template back.
 */
export function printTemplate(template: Template): string {
  return Object.keys(template)
    .flatMap((name) => valuesOf(template, name).map((value) => `${name}=${printAny(value)}\n`))
    .join("");
}

function printAny(value: Value): string {
  return typeof value === "string" ? printValue(value) : printVector(value);
}

function printVector(vector: Vector): string {
  const entries = Object.entries(vector).map(([name, value]) => `${name}=${printValue(value)}`);
  return entries.length === 0 ? "[ ]" : `[\n  ${entries.join(",\n  ")} ]`;
}
