/** Fields of the schema, each with the words that say what is allowed. */

import { z } from "zod";

export const MAX_LIST_ITEMS = 1_000;
export const MEBIBYTE = 1_024 * 1_024;
export const on = (what: string, byDefault = true) =>
  z.boolean().default(byDefault).describe(`true or false: ${what}`);
export const text = (what: string) => z.string().min(1).max(4_096).describe(what);
export const names = (what: string, byDefault: readonly string[]) =>
  z
    .array(z.string().min(1).max(256))
    .max(MAX_LIST_ITEMS)
    .default([...byDefault])
    .describe(`a list of ${what}`);
export const attributes = (what: string, byDefault: readonly string[]) =>
  z
    .array(z.string().regex(/^[A-Za-z0-9_]{1,256}$/))
    .max(MAX_LIST_ITEMS)
    .default([...byDefault])
    .describe(`a list of ${what}, each of letters, digits and _`);
export const whole = (what: string, least: number, most: number, byDefault: number) =>
  z
    .int()
    .min(least)
    .max(most)
    .default(byDefault)
    .describe(`a whole number from ${least} to ${most}: ${what}`);
export const port = (byDefault: number) => whole("a TCP port, 0 for any free one", 0, 65_535, byDefault);
export const host = z
  .string()
  .max(255)
  .regex(/^[A-Za-z0-9.:_%-]+$/)
  .default("127.0.0.1")
  .describe("an address or host name to listen on, without port");
export const url = (what: string) =>
  z
    .url({ protocol: /^https?$/ })
    .max(2_048)
    .optional()
    .describe(`an http or https URL: ${what}`);
