/** XML documents as the trees of OpenNebula's JSON form, and how names stand in them. */

import { GatehouseError } from "../errors.ts";

/**
 * A string is an element's text, an object its children, an array the repeated elements of one name, and `{}` the
 * empty element (spec onegate-api.md 4.2). Attributes, comments and the order between different names are not kept.
 */
export type XmlNode = string | { readonly [name: string]: XmlNode } | readonly XmlNode[];

export const MAX_XML_BYTES = 64 * 1024 * 1024;
export const MAX_XML_ELEMENTS = 2_000_000;
export const MAX_XML_DEPTH = 64;

const XML_NAME = /^[A-Za-z_][A-Za-z0-9_.-]*$/;

/**
 * The name of an element in XML. Templates allow a digit first, where OpenNebula prints XML that nothing can read;
 * here it is written as `_x0031_`, the escape of ISO/IEC 9075-14, which no template name can be (they are upper-case).
 * @throws GatehouseError `bad_request` for a name that XML cannot hold.
 */
export function xmlName(name: string): string {
  if (XML_NAME.test(name)) return name;
  const escaped = name.replace(/^[0-9]/, (digit) => `_x003${digit}_`);
  if (XML_NAME.test(escaped)) return escaped;
  throw new GatehouseError(
    "bad_request",
    `${JSON.stringify(name.slice(0, 40))} cannot name an XML element: allowed are letters A to Z, digits and "_-.".`,
  );
}

/** The name that an element's name in XML stands for. */
export function nameFromXml(name: string): string {
  return name.replace(/^_x003([0-9])_/, "$1");
}
