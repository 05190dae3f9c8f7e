/**
 * How OpenNebula's JSON stands for its XML: all leaves are strings; an empty element is `{}`; an element that may
 * repeat is absent, one value, or an array of two and more. These rules are kept here and nowhere else.
 */

import type { JsonObject, JsonValue } from "../model.ts";

/** The one empty element; shared, since a hundred thousand VMs have several each. */
export const EMPTY: JsonObject = Object.freeze({});

/** `{}`, `{name: item}` or `{name: [item, item]}`. */
export function printList(name: string, items: readonly JsonValue[]): JsonObject {
  const [first] = items;
  if (first === undefined) return EMPTY;
  return { [name]: items.length === 1 ? first : items };
}

/** A list of ids: `{}`, `{"ID": "1"}` or `{"ID": ["1", "2"]}`. */
export function printIds(ids: readonly number[]): JsonObject {
  return printList("ID", ids.map(String));
}

/** Text of an element that OpenNebula writes bare, so that no text is an empty element. */
export function printBare(text: string): JsonValue {
  return text === "" ? EMPTY : text;
}

export function printFlag(flag: boolean): string {
  return flag ? "1" : "0";
}

/** An element without content: missing, `{}`, `[]` (newer printers), or blanks (older ones). */
export function isEmptyElement(value: unknown): boolean {
  if (value === undefined || value === null) return true;
  if (typeof value === "string") return value.trim() === "";
  return typeof value === "object" && Object.keys(value).length === 0;
}

/** The values of an element that may repeat. */
export function elementsOf(value: unknown): readonly unknown[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value];
}

/** A plain object, as JSON.parse makes them; not an array and not null. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
