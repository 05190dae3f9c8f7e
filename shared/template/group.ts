/** Named values in order, gathered to a template: a repeated name holds an array. */

import type { Template, Value } from "./types.ts";

/**
 * Object.fromEntries defines own properties, so that whatever a name is (`__proto__`), it is only a name.
 */
export function groupAttributes(
  attributes: Iterable<{ readonly name: string; readonly value: Value }>,
): Template {
  const values = new Map<string, Value[]>();
  for (const { name, value } of attributes) {
    const sameName = values.get(name);
    if (sameName === undefined) values.set(name, [value]);
    else sameName.push(value);
  }
  const entries = [...values].map(([name, list]) => [name, standing(list)] as const);
  return Object.fromEntries(entries);
}

/** One value stands alone, more make an array (spec onegate-api.md 4.2). */
function standing(list: readonly Value[]): Value | readonly Value[] {
  const [first, second] = list;
  return first !== undefined && second === undefined ? first : list;
}
