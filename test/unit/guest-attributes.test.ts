import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { attributeLines, parseAttributeLine, withoutRepeats } from "../../agent/guest/attributes.ts";
import { parsePrinted } from "../../agent/guest/executables.ts";
import { parseTemplate } from "../../shared/template/parse.ts";

const name = fc.stringMatching(/^[A-Z_][A-Z0-9_]{0,20}$/);
const value = fc
  .oneof(
    fc.string({ unit: "binary", minLength: 1, maxLength: 60 }),
    fc
      .array(fc.constantFrom('"', "\\", "\\n", "[", "]", ",", "=", "#", " ", "a", "é"), { minLength: 1 })
      .map((all) => all.join("")),
  )
  .map((text) => text.replaceAll(/[\p{Cc}\p{Cs}\uFFFD]/gu, "x"));

describe("attributes of a guest", () => {
  it("arrive at OneGate as they were, whatever is in them", () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.tuple(name, value), { selector: ([key]) => key, maxLength: 5 }),
        (pairs) => {
          const text = attributeLines(pairs.map(([key, text]) => ({ name: key, value: text })));
          expect(Object.entries(parseTemplate(text, { unquoted: "line" })).sort()).toEqual([...pairs].sort());
        },
      ),
    );
  });

  it("stand without quotes where they can, as numbers and base64 do", () => {
    const attributes = [
      { name: "MEM_USED_PERC", value: "12.34" },
      { name: "KEY", value: "aGVsbG8=" },
      { name: "TEXT", value: "a, b" },
    ];
    expect(attributeLines(attributes)).toBe('MEM_USED_PERC=12.34\nKEY=aGVsbG8=\nTEXT="a, b"');
  });

  it.each([
    ["APP_LOAD=9.7", "APP_LOAD", "9.7"],
    ["  app_load = 9.7  ", "app_load", "9.7"],
    ['NAME="two words"', "NAME", "two words"],
    ['NAME="a \\"q\\""', "NAME", 'a "q"'],
    ["URL=http://h/?a=1&b=2", "URL", "http://h/?a=1&b=2"],
    ["JSON=[1,2]", "JSON", "[1,2]"],
    ['ONE="', "ONE", '"'],
  ])("are read from '%s'", (line, expectedName, expectedValue) => {
    expect(parseAttributeLine(line)).toEqual({ name: expectedName, value: expectedValue });
  });

  it.each([
    "",
    "APP LOAD=1",
    "APP-LOAD=1",
    "=1",
    "APP_LOAD",
    "APP_LOAD=",
    'APP_LOAD=""',
    "A=\x1b[1m",
    "A=\uFFFD",
    `${"N".repeat(65)}=1`,
    `A=${"v".repeat(1025)}`,
  ])("are not read from %j", (line) => {
    expect(parseAttributeLine(line)).toBeUndefined();
  });

  it("keep the first of a name, in whichever case", () => {
    const given = [
      { name: "DISK_vda", value: "1" },
      { name: "disk_VDA", value: "2" },
    ];
    expect(withoutRepeats(given)).toEqual([given[0]]);
  });
});

describe("what an executable prints", () => {
  it("is taken line by line; a bad line is dropped and told", () => {
    const { attributes, fault } = parsePrinted("# mine\n\nA=1\r\nthis is not one\nB=2\n");
    expect(attributes).toEqual([
      { name: "A", value: "1" },
      { name: "B", value: "2" },
    ]);
    expect(fault).toBe('printed a line that is not KEY=VALUE, which is dropped: "this is not one"');
  });

  it("is taken up to a number of lines", () => {
    const lines = Array.from({ length: 150 }, (_, index) => `A${index}=1`);
    const { attributes, fault } = parsePrinted(lines.join("\n"));
    expect(attributes).toHaveLength(100);
    expect(fault).toBe("printed more than 100 lines; the rest is dropped.");
  });
});
