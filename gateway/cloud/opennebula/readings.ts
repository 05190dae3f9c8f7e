/** MONITORING_DATA of the core, as readings: those of VMs are flat, those of hosts in sections (spec monitoring.md 9). */

import type { RawPoint } from "../../../shared/monitor/history.ts";
import { metricValue } from "../../../shared/monitor/metric-value.ts";
import type { Template, Value } from "../../../shared/template/types.ts";
import { entriesOf, nodesAt } from "../../../shared/xml/node.ts";
import { xmlToTree } from "../../../shared/xml/parse.ts";
import type { XmlNode } from "../../../shared/xml/tree.ts";
import type { LatestReading } from "../monitoring.ts";

export interface ReadingOf {
  readonly id: number;
  readonly reading: LatestReading;
}

/** What stands around the metrics. */
const FRAME: ReadonlySet<string> = new Set(["ID", "TIMESTAMP"]);
const SECTIONS: ReadonlySet<string> = new Set(["CAPACITY", "SYSTEM"]);
/** Probes write these without the underscore. */
const CAPACITY = /^(FREE|USED)_(CPU|MEMORY)/;

/** In order of time, as the core has them. */
export function readingsIn(xml: string): readonly ReadingOf[] {
  return nodesAt(xmlToTree(xml).node, "MONITORING").flatMap((node) => {
    const read = readingOf(flat(node));
    return read === undefined ? [] : [read];
  });
}

/** One of them, as it stands in MONITORING_DATA. */
export function readingFrom(xml: string): ReadingOf | undefined {
  const { name, node } = xmlToTree(xml);
  return name === "MONITORING" ? readingOf(flat(node)) : undefined;
}

/** Undefined for what was never measured. */
export function readingOf(section: Template): ReadingOf | undefined {
  const at = Number(section.TIMESTAMP);
  const id = Number(section.ID);
  if (!Number.isSafeInteger(at) || at <= 0 || !Number.isSafeInteger(id)) return undefined;
  const attributes = Object.fromEntries(Object.entries(section).filter(([name]) => !FRAME.has(name)));
  return { id, reading: { at, attributes } };
}

export function rawPoint({ at, attributes }: LatestReading): RawPoint {
  const plain = Object.entries(attributes).filter(
    (entry): entry is [string, string] => typeof entry[1] === "string",
  );
  const more = Object.entries(attributes).filter(([, value]) => typeof value !== "string");
  return {
    at,
    names: plain.map(([name]) => name),
    values: plain.map(([name, text]) => metricValue(name, text)),
    more: Object.fromEntries(more),
  };
}

function flat(node: XmlNode): Template {
  const entries = entriesOf(node).flatMap(([name, child]): [string, Value | readonly Value[]][] => {
    if (SECTIONS.has(name))
      return entriesOf(child).flatMap(([inner, value]) =>
        typeof value === "string" ? [[inner.replace(CAPACITY, "$1$2"), value]] : [],
      );
    const value = valueIn(child);
    return value === undefined ? [] : [[name, value]];
  });
  return Object.fromEntries(entries);
}

function valueIn(node: XmlNode): Value | readonly Value[] | undefined {
  if (typeof node === "string") return node;
  const vectors = nodesAt({ node }, "node").map((each) =>
    Object.fromEntries(
      entriesOf(each).filter((entry): entry is [string, string] => typeof entry[1] === "string"),
    ),
  );
  const [first, second] = vectors;
  return second === undefined ? first : vectors;
}
