/** Templates as they stand in documents (TEMPLATE, USER_TEMPLATE, MONITORING): checked, and kept in their own form. */

import { z } from "zod";
import type { Template, Value, Vector } from "../../../shared/template/types.ts";
import { type Report, readText, reporter } from "./fields.ts";
import { isEmptyElement, isObject } from "./json-form.ts";

/** Shared by every object without attributes. */
const EMPTY_TEMPLATE: Template = Object.freeze({});

/** A template's JSON form. Lists of one become the value, empty ones go; a value deeper than a vector is refused. */
export const template = z
  .unknown()
  .transform((value, context): Template => readTemplate(value, reporter(context)))
  // A function, because zod copies a default value, and this one is to be shared.
  .default(() => EMPTY_TEMPLATE);

export function readTemplate(value: unknown, report: Report): Template {
  if (isEmptyElement(value)) return EMPTY_TEMPLATE;
  if (!isObject(value)) {
    report([], "must be an object of attributes");
    return EMPTY_TEMPLATE;
  }
  const entries: [string, Value | readonly Value[]][] = [];
  for (const [name, inner] of Object.entries(value)) {
    const read = readAttribute(inner, (path, problem) => report([name, ...path], problem));
    if (read !== undefined) entries.push([name, read]);
  }
  return Object.fromEntries(entries);
}

function readAttribute(value: unknown, report: Report): Value | readonly Value[] | undefined {
  if (!Array.isArray(value)) return readValue(value, report);
  const values = value.map((one, index) =>
    readValue(one, (path, problem) => report([index, ...path], problem)),
  );
  return values.length > 1 ? values : values[0];
}

function readValue(value: unknown, report: Report): Value {
  if (isObject(value)) return readVector(value, report);
  const text = readText(value);
  if (text === undefined) report([], "must be text, or an object of texts");
  return text ?? "";
}

function readVector(value: Readonly<Record<string, unknown>>, report: Report): Vector {
  const entries: [string, string][] = [];
  for (const [name, inner] of Object.entries(value)) {
    const text = readText(inner);
    if (text === undefined) report([name], "must be text");
    entries.push([name, text ?? ""]);
  }
  return Object.fromEntries(entries);
}
