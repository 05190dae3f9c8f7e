/** Restricted attributes, refused on parsed names, so that no quoting, case, blank or line break slips one through. */

import type { Attribute } from "./parse.ts";

/**
 * The first attribute whose name is restricted, as it was spelled (`Attribute (role_name) cannot be modified`);
 * undefined when there is none. Names are compared in upper case. A restricted `NIC/MAC` stands for MAC inside
 * any NIC vector, as in oned.conf, and is given back in that form.
 */
export function restrictedNames(
  attributes: readonly Attribute[],
  restricted: ReadonlySet<string>,
): string | undefined {
  const upper = new Set([...restricted].map((name) => name.toUpperCase()));
  for (const { name, spelling, value } of attributes) {
    if (upper.has(name)) return spelling;
    if (typeof value === "string") continue;
    const inner = Object.keys(value).find((key) => upper.has(`${name}/${key}`));
    if (inner !== undefined) return `${spelling}/${inner}`;
  }
  return undefined;
}
