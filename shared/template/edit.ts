/** Changes to a template, as OpenNebula makes them: append, and erasing by name. All give new templates. */

import { GatehouseError } from "../errors.ts";
import { NAME_RULE } from "./limits.ts";
import { type Template, type Value, type Vector, valuesOf } from "./types.ts";

/** What an erase names: an attribute, or one inside the vectors of an attribute. Upper-case. */
export type AttributePath = readonly [string] | readonly [string, string];

/**
 * Every name of `changes` replaces all values of that name, others stay; a name whose only value is the empty
 * vector (`K=[]`) is removed (spec onegate-api.md 4.3).
 */
export function appendTemplate(base: Template, changes: Template): Template {
  const result = new Map(Object.entries(base));
  for (const [name, value] of Object.entries(changes)) {
    if (isEmptyVector(value)) result.delete(name);
    else result.set(name, value);
  }
  return Object.fromEntries(result);
}

/**
 * `NAME` or `NAME/INNER`, blanks around it allowed, in upper case.
 * @throws GatehouseError `bad_request` for anything else.
 */
export function parseAttributePath(text: string): AttributePath {
  const [, name, inner] = /^(\w+)(?:\/(\w+))?$/.exec(text.trim()) ?? [];
  if (name === undefined)
    throw new GatehouseError(
      "bad_request",
      `The attribute to delete must be given as NAME or NAME/INNER and nothing else: ${NAME_RULE}.`,
    );
  return inner === undefined ? [name.toUpperCase()] : [name.toUpperCase(), inner.toUpperCase()];
}

/**
 * The template without all values of a name, or without one inner name in every vector of a name; undefined when
 * nothing of it was there.
 */
export function eraseAttribute(template: Template, path: AttributePath): Template | undefined {
  const [name, inner] = path;
  const values = Object.hasOwn(template, name) ? valuesOf(template, name) : [];
  if (inner === undefined) return values.length === 0 ? undefined : withValue(template, name, undefined);
  if (!values.some((value) => holds(value, inner))) return undefined;
  const rest = values.map((value) => (holds(value, inner) ? without(value, inner) : value));
  const [only, second] = rest;
  return withValue(template, name, second === undefined ? only : rest);
}

function holds(value: Value, inner: string): value is Vector {
  return typeof value !== "string" && Object.hasOwn(value, inner);
}

function without(vector: Vector, inner: string): Vector {
  return Object.fromEntries(Object.entries(vector).filter(([name]) => name !== inner));
}

function withValue(template: Template, name: string, value: Value | readonly Value[] | undefined): Template {
  const result = new Map(Object.entries(template));
  if (value === undefined) result.delete(name);
  else result.set(name, value);
  return Object.fromEntries(result);
}

function isEmptyVector(value: Value | readonly Value[]): boolean {
  return typeof value !== "string" && !Array.isArray(value) && Object.keys(value).length === 0;
}
