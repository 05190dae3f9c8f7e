/** The DOCUMENT document, in which services and service templates live as JSON in TEMPLATE/BODY. */

import { z } from "zod";
import type { Template } from "../../../shared/template/types.ts";
import { DOCUMENT_TYPE, type Document, type JsonObject } from "../model.ts";
import {
  badField,
  integer,
  isJsonObject,
  joinPath,
  json,
  readDocument,
  reporter,
  text,
  type Unversioned,
} from "./fields.ts";
import { isEmptyElement, isObject } from "./json-form.ts";
import { OWNED_ORDER, ownedFrom, ownedShape, printOwned } from "./owned.ts";
import { extraOf, layOut } from "./sections.ts";
import { readTemplate } from "./template-part.ts";

/** BODY is looked at on its own: in JSON it is an object, in XML that object's text. */
const templateWithBody = z.unknown().transform((value, context): { body: unknown; others: Template } => {
  if (!isObject(value)) return { body: undefined, others: readTemplate(value, reporter(context)) };
  const { BODY: body, ...others } = value;
  return { body, others: readTemplate(others, reporter(context)) };
});

const shape = {
  ...ownedShape,
  NAME: text.optional(),
  TYPE: integer.optional(),
  TEMPLATE: templateWithBody.prefault({}),
};

const schema = z.object(shape).catchall(json);

const ORDER = [...OWNED_ORDER, "TYPE", "PERMISSIONS", "LOCK", "TEMPLATE"];

/** `{"DOCUMENT": {...}}` with TEMPLATE/BODY as an object. */
export function documentToDocument(document: Unversioned<Document>): JsonObject {
  const fields = {
    ...printOwned(document),
    TYPE: String(document.type),
    TEMPLATE: document.body === undefined ? document.template : { BODY: document.body, ...document.template },
  };
  return { DOCUMENT: layOut(ORDER, fields, document.extra) };
}

/**
 * `defaultType` stands where TYPE is missing. BODY may be an object or an object's JSON text; only types that are
 * not OneFlow's may have any other BODY, which then is an attribute like the rest.
 * @throws GatehouseError `bad_request` with the path of the bad field.
 */
export function documentFromDocument(value: unknown, path = "", defaultType?: number): Unversioned<Document> {
  const read = readDocument("DOCUMENT", schema, value, path);
  const at = (...steps: readonly string[]) => joinPath(path, ["DOCUMENT", ...steps]);
  const type = read.TYPE ?? defaultType;
  if (type === undefined) throw badField(at("TYPE"), "must be given: a whole number");
  const { body, attribute } = readBody(read.TEMPLATE.body, type, at("TEMPLATE", "BODY"));
  const { others } = read.TEMPLATE;
  const bodyName = body?.name;
  const owned = ownedFrom({ ...read, NAME: read.NAME ?? "" }, typeof bodyName === "string" ? bodyName : "");
  if (owned.name === "") throw badField(at("NAME"), "must be given");
  return {
    ...owned,
    type,
    body,
    template: attribute === undefined ? others : { BODY: attribute, ...others },
    ...extraOf(read, shape),
  };
}

/** TEMPLATE as XML and template text have it: BODY is its JSON text, and comes first. */
export function documentTemplate({ body, template }: Pick<Document, "body" | "template">): Template {
  return body === undefined ? template : { BODY: JSON.stringify(body), ...template };
}

/** The other way round. @throws GatehouseError `bad_request` for a service's BODY that is no JSON object. */
export function documentParts(template: Template, type: number): Pick<Document, "body" | "template"> {
  const { BODY: text, ...others } = template;
  const { body, attribute } = readBody(text, type, "BODY");
  return { body, template: attribute === undefined ? others : { BODY: attribute, ...others } };
}

function readBody(
  value: unknown,
  type: number,
  path: string,
): { body: JsonObject | undefined; attribute?: string } {
  if (value === undefined) return { body: undefined };
  const parsed = typeof value === "string" ? parseJson(value) : value;
  if (isJsonObject(parsed)) return { body: parsed };
  const isFlow = type === DOCUMENT_TYPE.service || type === DOCUMENT_TYPE.serviceTemplate;
  if (!isFlow && typeof value === "string") return { body: undefined, attribute: value };
  if (!isFlow && isEmptyElement(value)) return { body: undefined, attribute: "" };
  throw badField(path, "must be a JSON object, or its text");
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
