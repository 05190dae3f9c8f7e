/** Templates as the core is given them. */

import { printTemplate } from "../../../shared/template/print.ts";
import type { Template, Value } from "../../../shared/template/types.ts";
import { templateToXml } from "../../../shared/xml/print.ts";

/**
 * As XML, which holds any text to the letter, as OneFlow writes documents (recorded); but to remove an attribute takes an
 * empty vector, which only the other form has.
 */
export function documentText(template: Template): string {
  const removes = Object.values(template).some(isEmptyVector);
  return removes ? printTemplate(template) : templateToXml("TEMPLATE", template);
}

function isEmptyVector(value: Value | readonly Value[]): boolean {
  return typeof value === "object" && !Array.isArray(value) && Object.keys(value).length === 0;
}

/** `0` replaces, `1` appends. */
export function updateType(mode: "replace" | "append"): number {
  return mode === "append" ? 1 : 0;
}
