/** Sections of a document that the model does not name: kept in `extra` on the way in, put back in place on the way out. */

import { isDeepStrictEqual } from "node:util";
import type { JsonObject, JsonValue } from "../model.ts";

/** What an `extra` section is when nothing is kept of it; only what differs costs memory. */
export type SectionDefaults = Readonly<Record<string, JsonValue>>;

/** `{extra}` of what was read beside the named fields, `{}` when nothing of it differs from the defaults. */
export function extraOf(
  read: Readonly<Record<string, unknown>>,
  shape: Readonly<Record<string, unknown>>,
  defaults: SectionDefaults = {},
): { readonly extra?: JsonObject } {
  const kept = Object.entries(read).filter((entry): entry is [string, JsonValue] => {
    const [name, value] = entry;
    return !Object.hasOwn(shape, name) && value !== undefined && !isDeepStrictEqual(value, defaults[name]);
  });
  return kept.length === 0 ? {} : { extra: Object.fromEntries(kept) };
}

/**
 * A document's fields in the order of `order`: each from `fields`, else from what was kept, else its default.
 * Kept sections of no known place come last.
 */
export function layOut(
  order: readonly string[],
  fields: JsonObject,
  extra: JsonObject | undefined,
  defaults: SectionDefaults = {},
): JsonObject {
  const entries: [string, JsonValue][] = [];
  for (const name of order) {
    const value = fields[name] ?? extra?.[name] ?? defaults[name];
    if (value !== undefined) entries.push([name, value]);
  }
  for (const [name, value] of Object.entries(extra ?? {})) {
    if (!order.includes(name)) entries.push([name, value]);
  }
  return Object.fromEntries(entries);
}
