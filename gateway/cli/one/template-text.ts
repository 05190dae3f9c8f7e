/** A document's TEMPLATE as template text, for the pages of `show`. */

import { printValue } from "../../../shared/template/print.ts";
import { entriesOf, listOf } from "../../../shared/xml/node.ts";
import type { XmlNode } from "../../../shared/xml/tree.ts";
import { printable } from "./format.ts";

/** One `NAME="value"` a line, vectors over several; `without` names attributes that stand elsewhere on the page. */
export function templateText(node: XmlNode | undefined, without: readonly string[] = []): string {
  return entriesOf(node)
    .filter(([name]) => !without.includes(name))
    .flatMap(([name, value]) => listOf(value).map((each) => `${name}=${valueText(each)}\n`))
    .join("");
}

function valueText(value: XmlNode): string {
  if (typeof value === "string") return printable(printValue(value));
  const entries = entriesOf(value).flatMap(([name, inner]) =>
    listOf(inner).map((each) => `${name}=${valueText(each)}`),
  );
  return entries.length === 0 ? '""' : `[\n  ${entries.join(",\n  ")} ]`;
}
