/** Documents as they came: JSON, YAML or XML. */

import { z } from "zod";
import { GatehouseError } from "../../../shared/errors.ts";
import { elementToXml } from "../../../shared/xml/print.ts";
import type { XmlNode } from "../../../shared/xml/tree.ts";
import { printable } from "../one/format.ts";
import { indentXml } from "../one/indent-xml.ts";

export interface FormOptions {
  readonly json?: boolean;
  readonly yaml?: boolean;
  readonly xml?: boolean;
}

/** The form that is asked for; undefined for what people read. @throws GatehouseError `bad_request` for two of them. */
export function formOf(options: FormOptions): "json" | "yaml" | "xml" | undefined {
  const asked = (["json", "yaml", "xml"] as const).filter((form) => options[form]);
  if (asked.length < 2) return asked[0];
  throw new GatehouseError("bad_request", `--${asked[0]} and --${asked[1]} cannot both be given.`);
}

/** JSON with two blanks a level; what would steer a terminal is escaped. */
export function jsonText(value: unknown): string {
  const escaped = JSON.stringify(value, undefined, 2).replace(
    /[\u007f-\u009f]/g,
    (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return `${escaped}\n`;
}

/** Loaded when it is asked for: a help page does not wait for it. */
export async function yamlText(value: unknown): Promise<string> {
  const { stringify } = await import("yaml");
  return printable(stringify(value));
}

const documentSchema = z.looseObject({ TEMPLATE: z.looseObject({}).optional() });

/** As the core keeps it: BODY is JSON text. */
export function documentXml(document: unknown): string {
  return printable(indentXml(elementToXml("DOCUMENT", documentNode(document))));
}

export function poolXml(documents: readonly unknown[]): string {
  return printable(indentXml(elementToXml("DOCUMENT_POOL", { DOCUMENT: documents.map(documentNode) })));
}

function documentNode(json: unknown): XmlNode {
  const { TEMPLATE = {}, ...rest } = documentSchema.parse(json);
  const template = Object.entries(TEMPLATE).map(([name, value]): [string, XmlNode] => [
    name,
    name === "BODY" ? JSON.stringify(value) : nodeOf(value),
  ]);
  const others = Object.entries(rest).map(([name, value]): [string, XmlNode] => [name, nodeOf(value)]);
  return Object.fromEntries([...others, ["TEMPLATE", Object.fromEntries(template)]]);
}

function nodeOf(value: unknown): XmlNode {
  if (typeof value !== "object" || value === null) return String(value ?? "");
  if (Array.isArray(value)) return value.map(nodeOf);
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, nodeOf(inner)]));
}
