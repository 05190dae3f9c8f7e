import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseTemplate } from "../../shared/template/parse.ts";
import { printTemplate, printValue } from "../../shared/template/print.ts";
import { legalTemplate, legalText } from "../support/templates.ts";

describe("printTemplate", () => {
  it("prints OpenNebula's form", () => {
    const template = {
      CPU: "1",
      NIC: [{ IP: "10.0.0.1", NETWORK: "private" }, { NETWORK: "public" }],
      E: {},
    };
    expect(printTemplate(template)).toBe(
      'CPU="1"\nNIC=[\n  IP="10.0.0.1",\n  NETWORK="private" ]\nNIC=[\n  NETWORK="public" ]\nE=[ ]\n',
    );
  });

  it("prints nothing for an empty template", () => {
    expect(printTemplate({})).toBe("");
  });

  it("reads back as the same template, in either reading", () => {
    fc.assert(
      fc.property(legalTemplate, (template) => {
        const text = printTemplate(template);
        expect(parseTemplate(text, { unquoted: "word" })).toEqual(template);
        expect(parseTemplate(text, { unquoted: "line" })).toEqual(template);
      }),
      { numRuns: 2000 },
    );
  });
});

describe("printValue", () => {
  it.each([
    ["", '""'],
    ["a b", '"a b"'],
    ['say "hi"', '"say \\"hi\\""'],
    ["C:\\dir\\file", '"C:\\dir\\file"'],
    ["ends \\", '"ends \\\\"'],
    ['\\"', '"\\\\\\""'],
  ])("prints %j as %s", (value, printed) => {
    expect(printValue(value)).toBe(printed);
  });

  it("is read back as one value, whatever it holds", () => {
    fc.assert(
      fc.property(legalText, legalText, (first, second) => {
        const text = `A=${printValue(first)} B=[C=${printValue(second)}]`;
        expect(parseTemplate(text)).toEqual({ A: first, B: { C: second } });
      }),
      { numRuns: 2000 },
    );
  });
});
