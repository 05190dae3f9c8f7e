/** The leaves and parts of documents as zod schemas, and the reading of a document with the path of what is wrong. */

import { z } from "zod";
import { GatehouseError } from "../../../shared/errors.ts";
import type { JsonObject, JsonValue } from "../model.ts";
import { elementsOf, isEmptyElement, isObject } from "./json-form.ts";

/** An object of the model before the cloud has given it a version. */
export type Unversioned<T> = Omit<T, "version">;

const MAX_ID = 2 ** 31 - 1;
const MAX_SHOWN = 40;
/** Sections that are kept as they came may nest this deep; OpenNebula's own stay under ten. */
const MAX_JSON_DEPTH = 64;

/** How a value is shown in an error: short, and quoted if it was text. */
export function show(value: unknown): string {
  if (value === undefined) return "missing";
  const text = JSON.stringify(value) ?? String(value);
  return text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}...` : text;
}

function numberOf(value: unknown): number | undefined {
  if (typeof value === "number") return value;
  return typeof value === "string" && /^\s*-?\d+\s*$/.test(value) ? Number(value) : undefined;
}

function integerBetween(low: number, high: number, what: string) {
  return z.unknown().transform((value, context) => {
    const number = numberOf(value);
    if (number !== undefined && Number.isSafeInteger(number) && number >= low && number <= high)
      return number;
    const verb = value === undefined ? "must be given:" : "must be";
    context.addIssue({
      code: "custom",
      message: `${verb} ${what}${value === undefined ? "" : `, not ${show(value)}`}`,
    });
    return z.NEVER;
  });
}

/** A whole number, written as text or number; -1 and its like are OpenNebula's "none". */
export const integer = integerBetween(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER, "a whole number");

/** An id of OpenNebula's: 32 bits, not negative. */
export const id = integerBetween(0, MAX_ID, `a whole number from 0 to ${MAX_ID}`);

/** An id that may be missing, empty, or -1 as older releases write it: all are undefined. */
export const optionalId = z.unknown().transform((value, context): number | undefined => {
  if (isEmptyElement(value) || numberOf(value) === -1) return undefined;
  const result = id.safeParse(value);
  if (result.success) return result.data;
  reporter(context)([], result.error.issues[0]?.message ?? "must be an id");
  return undefined;
});

/** A flag: 0 or 1, YES or NO. */
export const flag = z.unknown().transform((value, context) => {
  const text = String(value).trim().toUpperCase();
  if (text === "1" || text === "YES" || text === "TRUE") return true;
  if (text === "0" || text === "NO" || text === "FALSE") return false;
  context.addIssue({ code: "custom", message: `must be 0 or 1, not ${show(value)}` });
  return z.NEVER;
});

/** Text; a number is taken as its digits, an empty element as no text. Its value never goes into an error. */
export const text = z.unknown().transform((value, context) => {
  const read = readText(value);
  if (read !== undefined) return read;
  context.addIssue({ code: "custom", message: "must be text" });
  return z.NEVER;
});

/** Text that must be there. */
export const requiredText = text.refine((read) => read !== "", { message: "must be given" });

/** @see text */
export function readText(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  return isEmptyElement(value) ? "" : undefined;
}

/** `{}`, `{name: item}` or `{name: [items]}` as an array, none where it is missing; nothing may stand beside `name`. */
export function listOf<T extends z.ZodType>(name: string, item: T) {
  const none: readonly z.output<T>[] = Object.freeze([]);
  const list = z.unknown().transform((value, context): readonly z.output<T>[] => {
    if (isEmptyElement(value)) return none;
    const report = reporter(context);
    if (!isObject(value) || Object.keys(value).some((key) => key !== name)) {
      report([], `must be a list of ${name} and nothing else`);
      return none;
    }
    const given = value[name];
    return elementsOf(given).flatMap((element, index) => {
      const result = item.safeParse(element);
      if (result.success) return [result.data];
      for (const { path, message } of result.error.issues) {
        report(Array.isArray(given) ? [name, index, ...path] : [name, ...path], message);
      }
      return [];
    });
  });
  return list.default(() => none);
}

/** Tells what is wrong at a path below the value being read. */
export type Report = (path: readonly PropertyKey[], problem: string) => void;

/** The reporter of a zod transform. */
export function reporter(context: z.RefinementCtx): Report {
  return (path, message) => {
    context.issues.push({ code: "custom", message, path: [...path], input: context.value });
  };
}

/** `{"ID": ["1", "2"]}` as numbers. */
export const ids = listOf("ID", id);

/** A part kept as it came. */
export const json = z.custom<JsonValue>((value) => isJson(value, 0), {
  error: `must be plain JSON, nested at most ${MAX_JSON_DEPTH} deep`,
});

function isJson(value: unknown, depth: number): value is JsonValue {
  if (depth > MAX_JSON_DEPTH) return false;
  if (typeof value === "number") return Number.isFinite(value);
  if (typeof value !== "object") return typeof value === "string" || typeof value === "boolean";
  return value === null || Object.values(value).every((inner) => isJson(inner, depth + 1));
}

export function isJsonObject(value: unknown): value is JsonObject {
  return isObject(value) && isJson(value, 0);
}

/**
 * Reads `{root: {...}}`.
 * @throws GatehouseError `bad_request`, saying `<path>.VM.STATE must be a whole number, not "x".`
 */
export function readDocument<T extends z.ZodType>(
  root: string,
  schema: T,
  value: unknown,
  path: string,
): z.output<T> {
  const keys = isObject(value) ? Object.keys(value) : [];
  if (!isObject(value) || keys.length !== 1 || keys[0] !== root || !isObject(value[root])) {
    throw badField(path, `must be an object with the one key ${root}, itself an object`);
  }
  const result = schema.safeParse(value[root]);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw badField(joinPath(path, [root, ...(issue?.path ?? [])]), issue?.message ?? "is not as it should be");
}

/** One sentence about one field; a document on its own has an empty path. */
export function badField(path: string, problem: string): GatehouseError {
  return new GatehouseError("bad_request", `${path === "" ? "The document" : path} ${problem}.`);
}

/** `vms[3]` and `["VM", "TEMPLATE", "NIC", 2]` make `vms[3].VM.TEMPLATE.NIC[2]`. */
export function joinPath(path: string, steps: readonly PropertyKey[]): string {
  return steps.reduce<string>((joined, step) => {
    if (typeof step === "number") return `${joined}[${step}]`;
    return joined === "" ? String(step) : `${joined}.${String(step)}`;
  }, path);
}
