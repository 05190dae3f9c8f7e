/** Bodies of monitoring rows: MONITORING elements as the core keeps them, in ASCII (spec monitoring.md 9). */

import { templateFromJson } from "../../../shared/template/json.ts";
import type { Template } from "../../../shared/template/types.ts";
import { xmlToTree } from "../../../shared/xml/parse.ts";
import { elementToXml } from "../../../shared/xml/print.ts";
import type { XmlNode } from "../../../shared/xml/tree.ts";
import { hostMonitoring, vmMonitoring } from "../../cloud/document/readings.ts";
import type { JsonValue } from "../../cloud/model.ts";
import type { LatestReading } from "../../cloud/monitoring.ts";

/** MEDIUMTEXT and one packet of MySQL could hold far more; a reading of this size is nobody's. */
const MAX_BODY_BYTES = 256 * 1024;

/** Undefined for one that cannot be kept: a name that XML has no way to write, or too much of it. */
export function hostBody(hostId: number, latest: LatestReading): string | undefined {
  return body(nodeOf(hostMonitoring(hostId, latest)));
}

/** As hostBody. */
export function vmBody(vmId: number, latest: LatestReading): string | undefined {
  return body(vmMonitoring(vmId, latest));
}

/** What a VM's row tells of it; undefined for a body that is none. */
export function readVmBody(xml: string): Template | undefined {
  try {
    const { node } = xmlToTree(xml, { maxBytes: MAX_BODY_BYTES });
    const { ID: _id, TIMESTAMP: _at, ...attributes } = templateFromJson(node);
    return attributes;
  } catch {
    return undefined;
  }
}

function body(node: XmlNode): string | undefined {
  try {
    const xml = asciiXml(elementToXml("MONITORING", node));
    return xml.length > MAX_BODY_BYTES ? undefined : xml;
  } catch {
    return undefined;
  }
}

const CDATA = /<!\[CDATA\[(.*?)\]\]>/gs;
const NOT_ASCII = /[^\0-\x7f]/gu;

/** The same document with references in the place of what is not ASCII; a CDATA section that has such becomes text. */
export function asciiXml(xml: string): string {
  if (xml.search(NOT_ASCII) < 0) return xml;
  const text = xml.replace(CDATA, (section, inner: string) =>
    inner.search(NOT_ASCII) < 0
      ? section
      : inner.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;"),
  );
  return text.replace(NOT_ASCII, (character) => `&#${character.codePointAt(0)};`);
}

function nodeOf(value: JsonValue): XmlNode {
  if (value === null) return {};
  if (typeof value !== "object") return String(value);
  if (isList(value)) return value.map(nodeOf);
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, nodeOf(inner)]));
}

function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}
