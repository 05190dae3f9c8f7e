/** How much one VM may hold: its owner may be anybody, and its guest asks as often as it likes. */

import { GatehouseError } from "../../../shared/errors.ts";
import { type Template, valuesOf } from "../../../shared/template/types.ts";

/** Names and values of a user template together, in UTF-16 units: what a guest reads back with each GET. */
export const MAX_USER_TEMPLATE_LENGTH = 512 * 1024;
/** The same of a host's template, which its probes fill: one of 64 PCI devices and 128 cores has 60,000. */
const MAX_HOST_TEMPLATE_LENGTH = 1024 * 1024;
export const MAX_SNAPSHOTS = 256;
/** NICs and aliases together; QEMU takes fewer. */
export const MAX_INTERFACES = 64;

/**
 * The template, if it is within the bound, or at least no longer than the one before it: what is too long already may
 * always shrink.
 * @throws GatehouseError `too_large` with the bound.
 */
export function checkUserTemplate(userTemplate: Template, before: Template = {}): Template {
  const length = templateLength(userTemplate);
  if (length <= MAX_USER_TEMPLATE_LENGTH || length <= templateLength(before)) return userTemplate;
  throw new GatehouseError(
    "too_large",
    `A user template holds at most ${MAX_USER_TEMPLATE_LENGTH} characters in all; with this it would hold ${length}.`,
  );
}

/** As checkUserTemplate, for what the probes of a host tell. @throws GatehouseError `too_large` with the bound. */
export function checkHostTemplate(template: Template, before: Template): Template {
  const length = templateLength(template);
  if (length <= MAX_HOST_TEMPLATE_LENGTH || length <= templateLength(before)) return template;
  throw new GatehouseError(
    "too_large",
    `A host's template holds at most ${MAX_HOST_TEMPLATE_LENGTH} characters in all; with this it would hold ${length}.`,
  );
}

function templateLength(template: Template): number {
  let length = 0;
  for (const name of Object.keys(template)) {
    for (const value of valuesOf(template, name)) length += name.length + lengthOf(value);
  }
  return length;
}

function lengthOf(value: string | { readonly [name: string]: string }): number {
  if (typeof value === "string") return value.length;
  return Object.entries(value).reduce((sum, [name, text]) => sum + name.length + text.length, 0);
}

/** @throws GatehouseError `conflict` when one more would be too many. */
export function checkRoom(count: number, most: number, what: string): void {
  if (count < most) return;
  throw new GatehouseError("conflict", `A VM has at most ${most} ${what}; remove some first.`);
}
