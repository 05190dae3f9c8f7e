import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { GatehouseError } from "../../shared/errors.ts";
import { MAX_ATTRIBUTES, MAX_TEMPLATE_BYTES } from "../../shared/template/limits.ts";
import { parseAttributes, parseTemplate } from "../../shared/template/parse.ts";

const fixture = (name: string) =>
  readFileSync(new URL(`../fixtures/template/${name}`, import.meta.url), "utf8");

const word = (text: string) => parseTemplate(text, { unquoted: "word" });
const line = (text: string) => parseTemplate(text, { unquoted: "line" });

function refusal(read: () => unknown): GatehouseError {
  try {
    read();
  } catch (error) {
    if (error instanceof GatehouseError) return error;
    throw error;
  }
  throw new Error("was accepted");
}

describe.each([
  ["word", word],
  ["line", line],
] as const)('the grammar common to both readings, read as "%s"', (unquoted, parse) => {
  it.each<[string, unknown]>([
    ["", {}],
    [" \r\n\t\n", {}],
    ['FOO="bar"', { FOO: "bar" }],
    ["FOO=bar", { FOO: "bar" }],
    ['lower = "case"', { LOWER: "case" }],
    [' SERVICE_ID ="9"', { SERVICE_ID: "9" }],
    ['A="1"\r\n\tB\t=\t"2"\r\n', { A: "1", B: "2" }],
    ["A=1\r\nB=2\r\n", { A: "1", B: "2" }],
    ['A="1" B="2"', { A: "1", B: "2" }],
    ['A="1"B="2"', { A: "1", B: "2" }],
    ["A=\nB=\n", { A: "", B: "" }],
    ["A=", { A: "" }],
    ['A=""', { A: "" }],
    ['A="l1\nl2"', { A: "l1\nl2" }],
    ['A="[x], #y = z"', { A: "[x], #y = z" }],
    ['A="]]>"', { A: "]]>" }],
    ['# whole line\n  # blanks before\nA="x"', { A: "x" }],
    ['A="x" # after a quoted value\nB="y"', { A: "x", B: "y" }],
    ["#", {}],
    ['D="a"\nd="b"', { D: ["a", "b"] }],
    ['D="a"\nD=[]\nD="a"', { D: ["a", {}, "a"] }],
    ["K=[]", { K: {} }],
    ["K = [ \n ]", { K: {} }],
    ['V=[K1=v1,k2="v2"]', { V: { K1: "v1", K2: "v2" } }],
    ['V = [\n  # inside\n  A = b ,\n  C = "d e"\n]\nW=x', { V: { A: "b", C: "d e" }, W: "x" }],
    ['V=[A="x",a="y"]', { V: { A: "y" } }],
    ['V=[A=,B=""]', { V: { A: "", B: "" } }],
    ['V=[A="]",B=","]', { V: { A: "]", B: "," } }],
    ['V=[A=b] W=[C="d"] # end', { V: { A: "b" }, W: { C: "d" } }],
    ['N=[A=b]\nN=[A="c"]', { N: [{ A: "b" }, { A: "c" }] }],
    ['1A="digit first"', { "1A": "digit first" }],
  ])("reads %j", (text, expected) => {
    expect(parse(text)).toEqual(expected);
  });

  it.each<[string, string]>([
    ['"a \\"q\\" é \\\\ b"', 'a "q" é \\\\ b'],
    ['"a\\b"', "a\\b"],
    ['"a\\nb"', "a\\nb"],
    ['"\\\\"', "\\"],
    ['"a\\\\\\"b"', 'a\\"b'],
    ['"\\""', '"'],
    ['"\\\\\\\\"', "\\\\"],
  ])("unescapes %s", (quoted, expected) => {
    expect(parse(`A=${quoted}`)).toEqual({ A: expected });
    expect(parse(`A=[B=${quoted}]`)).toEqual({ A: { B: expected } });
  });

  it.each([
    "JUSTAWORD",
    "=x",
    "A=[B",
    "A=[B=c",
    "A=[B=c,]",
    "A=[,]",
    "A=[=c]",
    "A=[B=[C=d]]",
    "A=[x]",
    "A=[B=c] D",
    "A=[B=c]]",
    'A-B="x"',
    'A.B="x"',
    '1-2="x"',
    'É="x"',
    'A="x',
    'A="x\\"',
    'A="x" y',
    'A="x" = "y"',
    'A="x""y"',
    '{"FOO":"bar"}',
    'A\n="x"',
  ])("refuses %j with line and column", (text) => {
    const error = refusal(() => parse(text));
    expect(error.code).toBe("bad_request");
    expect(error.message).toMatch(/^Line \d+, column \d+: found .+\.$/s);
  });

  it("says where an error stands, in lines and characters", () => {
    expect(refusal(() => parse('A="1\n2"\n  B="😀é" ?')).message).toMatch(
      /^Line 3, column 10: found '\?' where /,
    );
  });

  it("says what may follow a quoted value", () => {
    expect(refusal(() => parse('A="say "hi""')).message).toBe(
      "Line 1, column 9: found 'h' where only a comment, the end of the line or the next NAME=value may stand " +
        'after the closing quote (write \\" for a quote inside a value).',
    );
  });

  it("gives nothing away of the text but the character where it went wrong", () => {
    expect(refusal(() => parse('KEY="s3cret" s3cret')).message).not.toContain("s3cret");
    expect(refusal(() => parse("s3cret")).message).not.toContain("s3cret");
  });

  it("refuses NUL and half a surrogate pair, wherever they stand", () => {
    for (const text of ["A=\0", "#\0", 'A="\ud800"', "A=[B=\udc00]"])
      expect(refusal(() => parse(text)).message).toMatch(
        /found character U\+(0000|D800|DC00), which no template/,
      );
  });

  it("keeps names apart from what objects inherit", () => {
    const template = parse('__proto__="x"\nconstructor=[toString="y"]');
    expect(Object.getPrototypeOf(template)).toBe(Object.prototype);
    expect(Object.keys(template)).toEqual(["__PROTO__", "CONSTRUCTOR"]);
    expect(template.CONSTRUCTOR).toEqual({ TOSTRING: "y" });
  });

  it("tells how a name was spelled", () => {
    expect(parseAttributes('role_name = "x"', { unquoted })).toEqual([
      { name: "ROLE_NAME", spelling: "role_name", value: "x" },
    ]);
  });

  it("bounds size and number of attributes", () => {
    expect(parse(`A="${"x".repeat(MAX_TEMPLATE_BYTES - 4)}"`).A).toHaveLength(MAX_TEMPLATE_BYTES - 4);
    expect(refusal(() => parse(`A="${"x".repeat(MAX_TEMPLATE_BYTES - 3)}"`)).code).toBe("too_large");
    expect(refusal(() => parse(`A="${"é".repeat(MAX_TEMPLATE_BYTES / 2)}"`)).code).toBe("too_large");
    expect(refusal(() => parseTemplate("A=bcdef", { unquoted, maxBytes: 6 })).code).toBe("too_large");
    expect(parse("A=b\n".repeat(MAX_ATTRIBUTES)).A).toHaveLength(MAX_ATTRIBUTES);
    expect(refusal(() => parse("A=b\n".repeat(MAX_ATTRIBUTES + 1))).message).toMatch(/50000 attributes/);
    expect(refusal(() => parse(`A=[${"B=c,".repeat(MAX_ATTRIBUTES)}B=c]`)).message).toMatch(
      /50000 attributes/,
    );
  });
});

describe('unquoted values read as "word", as OpenNebula\'s core does', () => {
  it.each<[string, unknown]>([
    ["A=b C=d", { A: "b", C: "d" }],
    ["A=b# comment", { A: "b" }],
    ["A=# comment\nB=c", { A: "", B: "c" }],
    ['A=b"c"', { A: 'b"c"' }],
    ["A=a\\nb", { A: "a\\nb" }],
    ["V=[TYPE=m1.small # why\n, A=http://h/x]", { V: { TYPE: "m1.small", A: "http://h/x" } }],
  ])("reads %j", (text, expected) => {
    expect(word(text)).toEqual(expected);
  });

  it.each(["A=b c", "A=b=c", "A=b,c", "A=b[c", "A=b]", "V=[A=b c]", "V=[A=b=c]", "V=[A=b[c]"])(
    "refuses %j",
    (text) => {
      expect(refusal(() => word(text)).code).toBe("bad_request");
    },
  );

  it("is the reading when none is asked for", () => {
    expect(parseTemplate("A=b C=d")).toEqual({ A: "b", C: "d" });
  });

  it("reads the documented template of a hybrid VM", () => {
    expect(word(fixture("hybrid-vm.tmpl"))).toEqual({
      CPU: "0.5",
      MEMORY: "128",
      DISK: { IMAGE_ID: "3" },
      NIC: { NETWORK_ID: "7" },
      PUBLIC_CLOUD: { TYPE: "EC2", AMI: "ami-00bafcb5", KEYPAIR: "gsg-keypair", INSTANCETYPE: "m1.small" },
    });
  });
});

describe('unquoted values read as "line", as guests write them', () => {
  it.each<[string, unknown]>([
    ["APP_LOAD = 9.7", { APP_LOAD: "9.7" }],
    ["B1=one two\nB2=three", { B1: "one two", B2: "three" }],
    ["C1=a,b", { C1: "a,b" }],
    ["E1=a=b=c", { E1: "a=b=c" }],
    ["E3==", { E3: "=" }],
    ["BR2=x[1]y", { BR2: "x[1]y" }],
    ["URL=http://h/?a=1&b=2#f", { URL: "http://h/?a=1&b=2#f" }],
    ['Q2=say "hi"', { Q2: 'say "hi"' }],
    ["S1='x y'", { S1: "'x y'" }],
    ["B65=aGVsbG8gd29ybGQ=", { B65: "aGVsbG8gd29ybGQ=" }],
    ["BS2=a\\b", { BS2: "a\\b" }],
    ["H=#not a comment", { H: "#not a comment" }],
    ["EV2=", { EV2: "" }],
    ["EV3=  \t\r\nX=1", { EV3: "", X: "1" }],
    ["NBSP=\u00a0x", { NBSP: "\u00a0x" }],
    ["A=1\\nB=2", { A: "1", B: "2" }],
    ["A=1 \\n B = 2 \\n", { A: "1", B: "2" }],
    ['A="1"\\nB="2"', { A: "1", B: "2" }],
    ["# comment\\nA=1", { A: "1" }],
    ['NL1="line1\\nline2"', { NL1: "line1\\nline2" }],
    ['V=[A=x,\\n B="y"\\n]\\nC=z', { V: { A: "x", B: "y" }, C: "z" }],
    ["V=[A= b c , D=e=f#g]", { V: { A: "b c", D: "e=f#g" } }],
    ["K=[A=B,C=D]", { K: { A: "B", C: "D" } }],
    ["J=x{}", { J: "x{}" }],
  ])("reads %j", (text, expected) => {
    expect(line(text)).toEqual(expected);
  });

  it.each(["L=[1,2,3]", "L=[x]y", "A=[B", "V=[A=x[1]]", 'V=[A="x]'])(
    "refuses %j, and says to quote it",
    (text) => {
      expect(refusal(() => line(text)).message).toMatch(/put it in double quotes if it is text\.$/);
    },
  );

  const Puts = z.array(
    z.object({ name: z.string(), body: z.string(), stored: z.record(z.string(), z.unknown()) }),
  );

  it.each(Puts.parse(JSON.parse(fixture("guest-puts.json"))))(
    "stores what the real OneGate stored: $name",
    (put) => {
      expect(line(put.body)).toEqual(put.stored);
    },
  );

  it.each<[string, unknown]>([
    ['E2="a=b"', { E2: "a=b" }],
    ['C2="a,b"', { C2: "a,b" }],
    ['BS="a\\\\b"', { BS: "a\\\\b" }],
    ['NL3="line1\nline2"', { NL3: "line1\nline2" }],
    ['X2="]]>"', { X2: "]]>" }],
    ['SP1 = "x"', { SP1: "x" }],
  ])("stores what was meant by %j, which the real OneGate spoiled or refused", (text, expected) => {
    expect(line(text)).toEqual(expected);
  });
});
