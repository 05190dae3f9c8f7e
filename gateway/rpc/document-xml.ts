/** Documents as the core's XML: the codec's JSON form as elements, with templates in the order of the alphabet. */

import { elementToXml } from "../../shared/xml/print.ts";
import type { XmlNode } from "../../shared/xml/tree.ts";
import type { JsonObject, JsonValue } from "../cloud/model.ts";

/** OpenNebula keeps these sorted, at both levels. */
const SORTED: ReadonlySet<string> = new Set(["TEMPLATE", "USER_TEMPLATE"]);
const NONE: ReadonlySet<string> = new Set();

/** `{"VM": {...}}` as `<VM>...</VM>`; several roots stand side by side. */
export function documentXml(document: JsonObject): string {
  return printed(document, SORTED);
}

/** The same for documents whose templates have an order of their own, as the short forms of pools do. */
export function documentXmlAsIs(document: JsonObject): string {
  return printed(document, NONE);
}

function printed(document: JsonObject, sections: ReadonlySet<string>): string {
  return Object.entries(document)
    .map(([root, value]) => elementToXml(root, nodeOf(value, sections, false)))
    .join("");
}

/** A pool of elements already printed. */
export function poolXml(name: string, elements: readonly string[]): string {
  return `<${name}>${elements.join("")}</${name}>`;
}

function nodeOf(value: JsonValue, sections: ReadonlySet<string>, sorted: boolean): XmlNode {
  if (value === null) return {};
  if (typeof value !== "object") return String(value);
  if (isList(value)) return value.map((item) => nodeOf(item, sections, sorted));
  const entries = Object.entries(value).map(
    ([name, inner]) => [name, nodeOf(inner, sections, sorted || sections.has(name))] as const,
  );
  return Object.fromEntries(sorted ? entries.sort(([left], [right]) => (left < right ? -1 : 1)) : entries);
}

function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}
