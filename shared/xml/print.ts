/** Trees and templates as XML, as OpenNebula's core writes it: no attributes, no layout, free text in CDATA. */

import { GatehouseError } from "../errors.ts";
import type { Template } from "../template/types.ts";
import { MAX_XML_DEPTH, type XmlNode, xmlName } from "./tree.ts";

/** What core writes without CDATA: numbers, and names of plain letters. */
const PLAIN = /^[A-Za-z0-9_.:+-]+$/;

/** What XML 1.0 has no way to hold. */
const ILLEGAL = /[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu;

/**
 * One element, or one for each item of an array. The empty string is an empty CDATA section and `{}` an empty
 * element, so xmlToTree tells them apart. Characters that XML cannot hold become U+FFFD.
 * @throws GatehouseError `bad_request` for an impossible name or a tree deeper than MAX_XML_DEPTH.
 */
export function elementToXml(name: string, node: XmlNode): string {
  const parts: string[] = [];
  writeElement(parts, xmlName(name), node, 1);
  return parts.join("");
}

/** A template as an element: `<TEMPLATE><CPU>1</CPU><NIC><IP>...</IP></NIC></TEMPLATE>`. */
export function templateToXml(name: string, template: Template): string {
  return elementToXml(name, template);
}

function writeElement(parts: string[], name: string, node: XmlNode, depth: number): void {
  if (depth > MAX_XML_DEPTH)
    throw new GatehouseError("bad_request", `XML may be nested ${MAX_XML_DEPTH} levels deep, and no deeper.`);
  if (typeof node === "string") {
    parts.push(`<${name}>`, textToXml(node), `</${name}>`);
  } else if (isArray(node)) {
    for (const item of node) writeElement(parts, name, item, isArray(item) ? depth + 1 : depth);
  } else {
    writeChildren(parts, name, node, depth);
  }
}

function writeChildren(
  parts: string[],
  name: string,
  node: { readonly [name: string]: XmlNode },
  depth: number,
): void {
  const children = Object.entries(node);
  if (children.length === 0) {
    parts.push(`<${name}/>`);
    return;
  }
  parts.push(`<${name}>`);
  for (const [child, value] of children) writeElement(parts, xmlName(child), value, depth + 1);
  parts.push(`</${name}>`);
}

/** The text with U+FFFD in the place of what XML 1.0 has no way to hold: control characters, halves of pairs. */
export function legalText(text: string): string {
  return text.replace(ILLEGAL, "\uFFFD");
}

/**
 * Text is always one node: OpenNebula's Ruby client reads an element of several text nodes as empty. So what a CDATA
 * section cannot hold (its own end, and the carriage return, which parsers turn to a newline) is escaped, not split.
 */
function textToXml(text: string): string {
  if (PLAIN.test(text)) return text;
  const legal = legalText(text);
  if (!legal.includes("]]>") && !legal.includes("\r")) return `<![CDATA[${legal}]]>`;
  return legal
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll("\r", "&#13;");
}

function isArray(node: XmlNode): node is readonly XmlNode[] {
  return Array.isArray(node);
}
