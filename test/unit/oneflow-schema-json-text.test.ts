import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseJsonText } from "../../gateway/oneflow/schema/json-text.ts";
import { MAX_JSON_BYTES, MAX_JSON_DEPTH } from "../../gateway/oneflow/schema/limits.ts";
import { refusalOf } from "../support/service-templates.ts";

const refusal = (text: string) => refusalOf(() => parseJsonText(text));

describe("JSON texts", () => {
  it("may carry comments of both forms, outside strings", () => {
    const text = `/* a policy
      of the guide */
    { // +2 VMs
      "url": "http://a/*b*/", "adjust" /**/ : /* two */ 2, // end
      "list": [1, // one
        2 /* two */]
    } // last`;
    expect(parseJsonText(text)).toEqual({ url: "http://a/*b*/", adjust: 2, list: [1, 2] });
  });

  it("may hold any value", () => {
    expect(parseJsonText(' [ -1.5e3 , "\\u00e9\\n" , true , false , null , {} , [] ] ')).toEqual([
      -1500,
      "é\n",
      true,
      false,
      null,
      {},
      [],
    ]);
  });

  it.each([
    ["{not json", "unexpected token at '{not json'"],
    ["zz", "unexpected token at 'zz'"],
    ["", "unexpected token at ''"],
    ["{} x", "unexpected token at 'x'"],
    ['{"a":1,}', "unexpected token at '{\"a\":1,}'"],
    ["[1,]", "unexpected token at '[1,]'"],
    ["[1 2]", "unexpected token at '[1 2]'"],
    ["{1:2}", "unexpected token at '{1:2}'"],
    ['{"a" 1}', "unexpected token at '{\"a\" 1}'"],
    ['"a\nb"', "unexpected token at '\"a\nb\"' (line 2, column 3)"],
    ["01", "unexpected token at '01'"],
    ["1.", "unexpected token at '1.'"],
    ["[/* never closed ]", "unexpected token at '[/* never closed ]'"],
    ['{\n  "a": [1,\n    x]\n}', "unexpected token at '[1,\n    x]\n}' (line 3, column 5)"],
    [`{"a": ${"x".repeat(50)}}`, `unexpected token at '{"a": ${"x".repeat(34)}...'`],
  ])("%j is refused", (text, sentence) => expect(refusal(text)).toBe(sentence));

  it("are quoted in refusals without their secrets", () => {
    expect(refusal('{"PASSWORD": "hunter2" x}')).not.toContain("hunter2");
  });

  it("cannot reach a prototype", () => {
    expect(refusal('{"a":{"__proto__":{"admin":true}}}')).toBe('No attribute may be named "__proto__".');
    expect(refusal('{"\\u005f_proto__":1}')).toBe('No attribute may be named "__proto__".');
    const value = parseJsonText('{"constructor":{"prototype":{"admin":true}}}');
    expect(value).toEqual({ constructor: { prototype: { admin: true } } });
    expect(Object.hasOwn(Object.prototype, "admin")).toBe(false);
  });

  it("are bounded in depth and size", () => {
    const nested = (levels: number) => "[".repeat(levels) + "]".repeat(levels);
    expect(refusal(nested(MAX_JSON_DEPTH))).toBeUndefined();
    expect(refusal(nested(MAX_JSON_DEPTH + 1))).toContain(`deeper than the ${MAX_JSON_DEPTH} levels`);
    expect(refusal(nested(400_000))).toContain("levels allowed");
    expect(refusal(`"${"é".repeat(MAX_JSON_BYTES / 2)}"`)).toContain("larger than the 1048576 bytes");
    expect(refusal(`"${"x".repeat(MAX_JSON_BYTES - 2)}"`)).toBeUndefined();
  });

  it("are read as JSON.parse reads them", () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 6 }), fc.constantFrom("", " /* x */ ", "// y\n"), (text, comment) => {
        fc.pre(!text.includes("__proto__"));
        expect(parseJsonText(comment + text + comment)).toEqual(JSON.parse(text));
      }),
    );
  });

  it("are refused where JSON.parse refuses them, whatever they are", () => {
    const noise = fc.string({ unit: fc.constantFrom(...'{}[]",:0-.e1 tnrufalse\\') });
    fc.assert(
      fc.property(noise, (text) => {
        const plain = refusalOf(() => {
          try {
            JSON.parse(text);
          } catch {
            parseJsonText(text);
            throw new Error(`taken: ${text}`);
          }
        });
        expect(plain === undefined).toBe(refusal(text) === undefined);
      }),
      { numRuns: 2_000 },
    );
  });
});
