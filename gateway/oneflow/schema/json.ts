/** JSON values as this folder handles them. What is looked up by a name from outside is looked up as an own property. */

import type { JsonObject, JsonValue } from "../../cloud/model.ts";

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function isArray(value: JsonValue | undefined): value is readonly JsonValue[] {
  return Array.isArray(value);
}

/** An attribute of the object's own, so that a name such as `constructor` finds nothing. */
export function attribute(object: JsonObject, name: string): JsonValue | undefined {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

/** The object without some attributes. */
export function without(object: JsonObject, names: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([name]) => !names.includes(name)));
}

/** "an array", "null", "text": what a value is, without telling it. */
export function kindOf(value: JsonValue | undefined): string {
  if (value === null || value === undefined) return "null";
  if (isArray(value)) return "an array";
  if (isObject(value)) return "an object";
  return typeof value === "string" ? "text" : `a ${typeof value}`;
}

/** Whether objects and arrays stand in one another on more levels than `levels`. */
export function isDeeperThan(levels: number, value: JsonValue | undefined): boolean {
  if (typeof value !== "object" || value === null) return false;
  return levels === 0 || Object.values(value).some((inner: JsonValue) => isDeeperThan(levels - 1, inner));
}

/**
 * The attributes of `value` in the order of `model`, at every level, and those that `model` has not at the end, so
 * that people find their JSON as they wrote it.
 */
export function inOrderOf<T>(model: JsonValue | undefined, value: T): T {
  // The same value: only the order of its names is another.
  return ordered(model, value) as T;
}

function ordered(model: JsonValue | undefined, value: unknown): unknown {
  if (Array.isArray(value)) {
    const items = isArray(model) ? model : [];
    return value.map((item, index) => ordered(items[index], item));
  }
  if (!isObject(value)) return value;
  const first = isObject(model) ? model : {};
  const names = [...Object.keys(first).filter((name) => Object.hasOwn(value, name)), ...Object.keys(value)];
  return Object.fromEntries(
    [...new Set(names)].map((name) => [name, ordered(attribute(first, name), value[name])]),
  );
}
