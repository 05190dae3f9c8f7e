/** JSON laid out as OneFlow's clients have always seen it: two blanks a level, and a line break in what is empty. */

import type { JsonObject, JsonValue } from "../../cloud/model.ts";

/** `level` is how deep the value stands in what it is put into. */
export function prettyJson(value: JsonValue, level = 0): string {
  if (isList(value))
    return bracketed(
      "[",
      "]",
      value.map((item) => prettyJson(item, level + 1)),
      level,
    );
  if (!isObject(value)) return JSON.stringify(value);
  const members = Object.entries(value).map(
    ([name, member]) => `${JSON.stringify(name)}: ${prettyJson(member, level + 1)}`,
  );
  return bracketed("{", "}", members, level);
}

/** Items that are laid out already, for their level. */
export function bracketed(open: string, close: string, items: readonly string[], level: number): string {
  const outer = "  ".repeat(level);
  // So recorded: an empty list has a blank line, an empty object none.
  if (items.length === 0) return open === "[" ? `[\n\n${outer}]` : `{\n${outer}}`;
  return `${open}\n${outer}  ${items.join(`,\n${outer}  `)}\n${outer}${close}`;
}

function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}

function isObject(value: JsonValue): value is JsonObject {
  return typeof value === "object" && value !== null;
}
