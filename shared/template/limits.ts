/** What a template may hold, whichever form it comes in: text or JSON. */

import { GatehouseError } from "../errors.ts";

export const MAX_TEMPLATE_BYTES = 1024 * 1024;

/** Attributes of a template, those inside its vectors counted too. */
export const MAX_ATTRIBUTES = 50_000;

const NAME = /^[A-Za-z0-9_]+$/;

export const NAME_RULE = "names are made of letters A to Z, digits and _";

export function isAttributeName(text: string): boolean {
  return NAME.test(text);
}

/** @throws GatehouseError `too_large` when the text takes more than `maxBytes` as UTF-8. */
export function checkTemplateBytes(text: string, maxBytes: number): void {
  // A UTF-16 unit takes at most three bytes, so short texts need no count.
  if (text.length * 3 <= maxBytes || (text.length <= maxBytes && Buffer.byteLength(text) <= maxBytes)) return;
  throw new GatehouseError("too_large", `The template is larger than the ${maxBytes} bytes allowed.`);
}

/**
 * Where the first character stands that no value may hold, because neither a store nor XML can keep it: NUL, or
 * half of a surrogate pair; -1 when there is none.
 */
export function findForbiddenCharacter(text: string): number {
  const nul = text.indexOf("\0");
  const lone = text.search(/[\uD800-\uDFFF]/u);
  if (nul < 0 || lone < 0) return Math.max(nul, lone);
  return Math.min(nul, lone);
}
