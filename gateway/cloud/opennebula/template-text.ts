/** Templates as the core is given them. */

import { GatehouseError } from "../../../shared/errors.ts";
import { printTemplate } from "../../../shared/template/print.ts";
import type { Template, Value } from "../../../shared/template/types.ts";
import { templateToXml } from "../../../shared/xml/print.ts";

/**
 * As text. @throws GatehouseError `bad_request` for what the core would not keep as it is.
 */
export function templateText(template: Template): string {
  return kept(printTemplate(template));
}

/**
 * oned writes values between `<![CDATA[` and `]]>` as they are, so markup after a `]]>` in one becomes part of the
 * object's own XML: an attribute that a guest may not write, for example. A `]]>` without markup it refuses itself (recorded).
 * @throws GatehouseError `bad_request`
 */
export function kept(text: string): string {
  const at = text.indexOf("]]>");
  if (at < 0 || !text.includes("<", at)) return text;
  throw new GatehouseError(
    "bad_request",
    'A value holds "]]>" with a "<" after it, which OpenNebula\'s core would take for XML of its own: leave one of them out.',
  );
}

/**
 * As XML, which holds any text to the letter, as OneFlow writes documents (recorded); but to remove an attribute takes an
 * empty vector, which only the other form has. @throws GatehouseError `bad_request` as `templateText`
 */
export function documentText(template: Template): string {
  const text = templateText(template);
  const removes = Object.values(template).some(isEmptyVector);
  return removes ? text : templateToXml("TEMPLATE", template);
}

function isEmptyVector(value: Value | readonly Value[]): boolean {
  return typeof value === "object" && !Array.isArray(value) && Object.keys(value).length === 0;
}

/** `0` replaces, `1` appends. */
export function updateType(mode: "replace" | "append"): number {
  return mode === "append" ? 1 : 0;
}
