/** The kinds of attributes that services have, with the refusals that OpenNebula gives (spec oneflow-api.md 5). */

import { z } from "zod";
import type { JsonObject } from "../../cloud/model.ts";
import { isObject } from "./json.ts";
import { MAX_NAME_LENGTH } from "./limits.ts";

export const NOT_TEXT = "must be a String;";
export const NOT_ARRAY = "must be an Array;";
export const NOT_OBJECT = "must be an Object;";
export const NOT_WHOLE = "must be an Integer;";

export const text = z.string({ error: NOT_TEXT });

/** Of a service. Empty is allowed, as recorded. */
export const serviceName = text.max(MAX_NAME_LENGTH, {
  error: `must have at most ${MAX_NAME_LENGTH} characters;`,
});

export const roleName = serviceName.regex(/^\w+$/, { error: "must match regexp /^\\w+$/;" });

export const flag = z.boolean({ error: "is not allowed in {:type=>:boolean, :required=>false};" });

/** For schemas of objects: what is no object at all is told so, and other faults keep their own sentences. */
export const asObject = {
  error: ({ code }: { readonly code?: string }) => (code === "invalid_type" ? NOT_OBJECT : undefined),
};

export const object = z.custom<JsonObject>(isObject, { error: NOT_OBJECT });

/** @param values in the order in which the refusal lists them */
export function oneOf<const T extends readonly [string, ...string[]]>(values: T) {
  return z.enum(values, {
    error: ({ input }) => (typeof input === "string" ? `must be one of ${values.join(", ")};` : NOT_TEXT),
  });
}

/** A whole number; texts of digits and fractions are taken too, what is behind the point falls away (recorded). */
export function wholeNumber(minimum?: number, maximum: number = Number.MAX_SAFE_INTEGER) {
  const whole = z
    .int({ error: NOT_WHOLE })
    .max(maximum, { error: `must be lower than or equal to ${maximum};` });
  const bounded =
    minimum === undefined
      ? whole
      : whole.min(minimum, { error: `must be greater than or equal to ${minimum};` });
  return z.preprocess(asWhole, bounded);
}

export function arrayOf<T extends z.ZodType>(item: T, maximum: number) {
  return z.array(item, { error: NOT_ARRAY }).max(maximum, { error: `must have at most ${maximum} entries;` });
}

/** Adding 0 makes no number of the negative zero. */
function asWhole(value: unknown): unknown {
  if (typeof value === "number") return Number.isFinite(value) ? Math.trunc(value) + 0 : value;
  return typeof value === "string" && /^\s*[+-]?[0-9]{1,15}\s*$/.test(value) ? Number(value) + 0 : value;
}
