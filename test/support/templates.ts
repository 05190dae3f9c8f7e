/** Every legal template, as fast-check arbitraries, rich in what is hard to write: quotes, backslashes, brackets. */

import fc from "fast-check";
import type { Template, Value, Vector } from "../../shared/template/types.ts";

const NASTY = ['"', "\\", "\n", "\\n", "\r", "\t", " ", "[", "]", ",", "=", "#", "n", "a", "é", "😀", "]]>"];

/** Any text without NUL and lone surrogates. */
export const legalText: fc.Arbitrary<string> = fc.oneof(
  fc.string({ unit: "binary", maxLength: 40 }).map((text) => text.replaceAll("\0", "0")),
  fc.array(fc.constantFrom(...NASTY), { maxLength: 12 }).map((parts) => parts.join("")),
);

const legalName = fc.oneof(
  fc.stringMatching(/^[A-Z0-9_]{1,12}$/),
  fc.constantFrom("__PROTO__", "CONSTRUCTOR", "0", "10", "9A", "_"),
);

export const legalVector: fc.Arbitrary<Vector> = fc.dictionary(legalName, legalText, {
  maxKeys: 4,
  noNullPrototype: true,
});

const legalValue: fc.Arbitrary<Value> = fc.oneof(legalText, legalVector);

export const legalTemplate: fc.Arbitrary<Template> = fc.dictionary(
  legalName,
  fc.oneof(legalValue, fc.array(legalValue, { minLength: 2, maxLength: 4 })),
  { maxKeys: 6, noNullPrototype: true },
);
