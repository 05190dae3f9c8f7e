import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { templateFromJson } from "../../shared/template/json.ts";
import { MAX_ATTRIBUTES, MAX_TEMPLATE_BYTES } from "../../shared/template/limits.ts";
import { legalTemplate } from "../support/templates.ts";

describe("templateFromJson", () => {
  it.each<[string, unknown, unknown]>([
    ["names to upper case", { a: "1", v: { k: "2" } }, { A: "1", V: { K: "2" } }],
    [
      "numbers and booleans to strings",
      { A: 1.5, B: true, V: { K: -2 } },
      { A: "1.5", B: "true", V: { K: "-2" } },
    ],
    ["an array of one to its value", { NIC: [{ IP: "x" }], A: ["1"] }, { NIC: { IP: "x" }, A: "1" }],
    ["an empty array to nothing", { NIC: [], A: "1" }, { A: "1" }],
    ["longer arrays to arrays", { A: ["1", 2, { K: "3" }] }, { A: ["1", "2", { K: "3" }] }],
    ["an empty object to an empty vector", { A: {} }, { A: {} }],
    ["an empty object inside a vector to the empty string", { V: { K: {} } }, { V: { K: "" } }],
    ["names that differ in case to one", { a: "1", A: ["2"] }, { A: ["1", "2"] }],
  ])("turns %s", (_, json, template) => {
    expect(templateFromJson(json)).toEqual(template);
  });

  it("leaves every template as it is", () => {
    fc.assert(
      fc.property(legalTemplate, (template) => {
        expect(templateFromJson(template)).toEqual(template);
      }),
    );
  });

  it.each<[unknown, RegExp]>([
    ["text", /^The template must be an object of attributes, not a string\.$/],
    [null, /not null/],
    [[{}], /not an array of 1/],
    [{ A: null }, /^Attribute A must be .+, not null\.$/],
    [{ V: { K: { L: "1" } } }, /^Attribute V\/K must be .+, not an object\.$/],
    [{ V: [{ K: ["1", "2"] }] }, /^Attribute V\/K .+, not an array of 2\.$/],
    [{ A: [["1"]] }, /^Attribute A .+, not an array of 1\.$/],
    [{ A: Number.NaN }, /^Attribute A .+, not a number\.$/],
    [{ "A-B": "1" }, /^The attribute name "A-B" in the template is invalid/],
    [{ V: { "K K": "1" } }, /^The attribute name "K K" in V is invalid/],
    [{ A: "x\0" }, /^Attribute A holds a NUL/],
    [{ V: { K: "\ud800" } }, /^Attribute V\/K holds/],
  ])("refuses %j with the path of what is wrong", (json, message) => {
    expect(() => templateFromJson(json)).toThrow(message);
  });

  it("gives own properties only, whatever the names are", () => {
    const template = templateFromJson(JSON.parse('{"__proto__": {"polluted": "yes"}}'));
    expect(Object.keys(template)).toEqual(["__PROTO__"]);
    expect(Object.getPrototypeOf(template)).toBe(Object.prototype);
  });

  it("bounds attributes and bytes", () => {
    expect(() => templateFromJson({ A: Array(MAX_ATTRIBUTES + 1).fill("") })).toThrow(/50000 attributes/);
    expect(() => templateFromJson({ A: "x".repeat(MAX_TEMPLATE_BYTES) })).toThrow(/1048576 bytes/);
  });
});
