/** `${PARENT.template.context.db_name}` in a role's template_contents: a value of a VM of a parent (seed 001). */

import type { JsonValue } from "../../cloud/model.ts";

/** A path of names in a parent's VM; undefined: no VM of it has a value there. */
export type ParentValue = (parent: string, path: readonly string[]) => string | undefined;

const REFERENCE = /\$\{(\w+)((?:\.\w+)+)\}/g;

/** Deeper is cut off: a body is parsed JSON of any depth. */
const MAX_DEPTH = 16;

export function hasReference(value: JsonValue | undefined): boolean {
  return value !== undefined && JSON.stringify(value).includes("${");
}

/**
 * The value with every reference replaced by what it names, once: what is put in is not read again. What no VM has
 * becomes blank, a reference to a role that is no parent too. In CONTEXT, where `$NAME` is a variable, a value that a
 * guest may have written stands for itself.
 */
export function withParentValues(value: JsonValue, look: ParentValue, depth = 0): JsonValue {
  if (typeof value === "string") {
    return value.replace(REFERENCE, (_, parent: string, path: string) => {
      return look(parent, path.slice(1).toUpperCase().split(".")) ?? "";
    });
  }
  if (typeof value !== "object" || value === null || depth > MAX_DEPTH) return value;
  if (isList(value)) return value.map((item) => withParentValues(item, look, depth + 1));
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => {
      const within = depth === 0 && name.toUpperCase() === "CONTEXT" ? literally(look) : look;
      return [name, withParentValues(item, within, depth + 1)];
    }),
  );
}

function literally(look: ParentValue): ParentValue {
  return (parent, path) => look(parent, path)?.replaceAll("$", () => "\\$");
}

/** As XPath `//A/B` finds it: the first text under the names in a row, wherever in the document they stand. */
export function valueAt(document: JsonValue, path: readonly string[]): string | undefined {
  const [first] = path;
  if (first === undefined || typeof document !== "object" || document === null) return undefined;
  if (isList(document)) return firstOf(document, (item) => valueAt(item, path));
  return firstOf(Object.entries(document), ([name, value]) => {
    return (name === first ? textUnder(value, path.slice(1)) : undefined) ?? valueAt(value, path);
  });
}

function textUnder(value: JsonValue, path: readonly string[]): string | undefined {
  if (Array.isArray(value)) return firstOf(value, (item: JsonValue) => textUnder(item, path));
  const [name, ...rest] = path;
  if (name === undefined) return typeof value === "string" && value !== "" ? value : undefined;
  if (typeof value !== "object" || value === null || isList(value)) return undefined;
  const inner = Object.hasOwn(value, name) ? value[name] : undefined;
  return inner === undefined ? undefined : textUnder(inner, rest);
}

function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}

function firstOf<T>(items: Iterable<T>, find: (item: T) => string | undefined): string | undefined {
  for (const item of items) {
    const found = find(item);
    if (found !== undefined) return found;
  }
  return undefined;
}
