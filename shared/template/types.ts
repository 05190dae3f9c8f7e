/**
 * OpenNebula's templates as values. A template maps upper-case names to one value, or to an array of two and
 * more where a name is repeated; a value is a string or a vector of strings. It is also, letter for letter,
 * the JSON form that OpenNebula's tools print, so no conversion stands between the two.
 */

/** `NIC = [ NETWORK = "private", IP = "10.0.0.1" ]`: inner names are upper-case too; values are strings. */
export type Vector = { readonly [name: string]: string };

export type Value = string | Vector;

/** Arrays hold at least two values: one value stands alone (spec onegate-api.md 4.2). */
export type Template = { readonly [name: string]: Value | readonly Value[] };

/** All values of a name, in order; empty when it is missing. */
export function valuesOf(template: Template, name: string): readonly Value[] {
  const value = template[name];
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value as Value];
}

/** All vectors of a name (NIC, DISK, ...), in order; strings under that name are passed over. */
export function vectorsOf(template: Template, name: string): readonly Vector[] {
  return valuesOf(template, name).filter((value): value is Vector => typeof value !== "string");
}

/** The first vector of a name, for names that occur once (CONTEXT, OS). */
export function vectorOf(template: Template, name: string): Vector | undefined {
  return vectorsOf(template, name)[0];
}

/** The last string of a name, as OpenNebula reads a single attribute; undefined when there is none. */
export function stringOf(template: Template, name: string): string | undefined {
  return valuesOf(template, name)
    .filter((value): value is string => typeof value === "string")
    .at(-1);
}

/** OpenNebula's yes: YES in any case. */
export function isYes(value: string | undefined): boolean {
  return value !== undefined && value.trim().toUpperCase() === "YES";
}
