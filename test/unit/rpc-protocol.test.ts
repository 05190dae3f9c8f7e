import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { EmbeddedCloud } from "../../gateway/cloud/embedded/embedded-cloud.ts";
import { METHODS } from "../../gateway/rpc/methods.ts";
import { MAX_CALL_BYTES, parseCall, RpcFault } from "../../gateway/rpc/protocol.ts";
import { successResponse } from "../../gateway/rpc/response.ts";
import { systemClock } from "../../shared/clock.ts";
import { testCloud } from "../support/embedded.ts";
import { callText, openRpc, type Parameter, type RpcServer, readAnswer } from "../support/xmlrpc.ts";

const ADMIN = "oneadmin:secret";

const call = (params: string) =>
  parseCall(Buffer.from(`<methodCall><methodName>m</methodName><params>${params}</params></methodCall>`))
    .parameters;
const value = (inner: string) => call(`<param><value>${inner}</value></param>`)[0];

function faultOf(body: string | Uint8Array): RpcFault {
  try {
    parseCall(typeof body === "string" ? Buffer.from(body) : body);
  } catch (error) {
    if (error instanceof RpcFault) return error;
    throw error;
  }
  throw new Error("no fault");
}

describe("a call's parameters", () => {
  it.each([
    ["<i4>-7</i4>", -7],
    ["<int>+7</int>", 7],
    ["<i8>9007199254740990</i8>", 9_007_199_254_740_990],
    ["<boolean>1</boolean>", true],
    ["<boolean>0</boolean>", false],
    ["<string>x</string>", "x"],
    ["<string>  two  blanks\n </string>", "  two  blanks\n "],
    ["<string/>", ""],
    ["", ""],
    ["no type", "no type"],
    ["<string>&lt;a&gt; &amp; &#233;</string>", "<a> & é"],
    ["<string><![CDATA[<a>]]></string>", "<a>"],
    ["<array><data><value><i4>1</i4></value><value><string>b</string></value></data></array>", [1, "b"]],
    ["<array><data/></array>", []],
    ["<double>1.5</double>", { type: "double" }],
    ["<base64>eA==</base64>", { type: "base64" }],
    ["<dateTime.iso8601>19980717T14:08:55</dateTime.iso8601>", { type: "dateTime.iso8601" }],
    ["\n  <i4>5</i4>\n", 5],
  ])("%s", (inner, expected) => {
    expect(value(inner)).toEqual(expected);
  });

  it.each([
    ["an integer that is none", "<i4>1.5</i4>"],
    ["an integer out of range", "<i4>2147483648</i4>"],
    ["a very long integer", `<i8>${"9".repeat(400)}</i8>`],
    ["a boolean that is none", "<boolean>yes</boolean>"],
    ["two types", "<i4>1</i4><i4>2</i4>"],
    ["an element in a string", "<string><b>x</b></string>"],
    ["an array without data", "<array><value>1</value></array>"],
  ])("are refused with %s", (_, inner) => {
    expect(() => value(inner)).toThrow(RpcFault);
  });

  it("may be missing altogether", () => {
    expect(parseCall(Buffer.from("<methodCall><methodName>m</methodName></methodCall>"))).toEqual({
      name: "m",
      parameters: [],
    });
  });
});

describe("what is no call", () => {
  it.each([
    ["nothing", ""],
    ["text", "hello"],
    ["an answer", "<methodResponse/>"],
    ["a call without a name", "<methodCall><params/></methodCall>"],
    [
      "a call with two names",
      "<methodCall><methodName>a</methodName><methodName>b</methodName></methodCall>",
    ],
    [
      "a DOCTYPE",
      '<!DOCTYPE a SYSTEM "file:///etc/passwd"><methodCall><methodName>m</methodName></methodCall>',
    ],
    ["an unknown entity", "<methodCall><methodName>&x;</methodName></methodCall>"],
    ["an open element", "<methodCall><methodName>m"],
    ["depth", `<methodCall>${"<a>".repeat(1_000)}${"</a>".repeat(1_000)}</methodCall>`],
  ])("%s, is a parse fault", (_, body) => {
    expect(faultOf(body).faultCode).toBe(-503);
  });

  it("billion laughs cost nothing", () => {
    const entities = Array.from({ length: 9 }, (_, i) => `<!ENTITY l${i + 1} "${`&l${i};`.repeat(10)}">`);
    const body = `<!DOCTYPE l [<!ENTITY l0 "lol">${entities.join("")}]><methodCall><methodName>&l9;</methodName></methodCall>`;
    expect(faultOf(body).faultCode).toBe(-503);
  });

  it("bytes that are not UTF-8 are a parse fault", () => {
    expect(faultOf(Buffer.from([0x3c, 0xff, 0xfe])).faultCode).toBe(-503);
  });

  it("more elements than any call has are a limit fault", () => {
    const many = "<param><value>x</value></param>".repeat(20_000);
    const body = `<methodCall><methodName>m</methodName><params>${many}</params></methodCall>`;
    expect(faultOf(body).faultCode).toBe(-509);
  });

  it("whatever the text is, the parser either reads it or faults", () => {
    const pieces = fc.constantFrom(
      ...["<methodCall>", "</methodCall>", "<methodName>", "</methodName>", "<params>", "<param>", "<value>"],
      ...["</value>", "<i4>", "</i4>", "<array>", "<data>", "1", "&amp;", "&#0;", "]]>", "<![CDATA[", "<!--"],
    );
    fc.assert(
      fc.property(
        fc.array(fc.oneof(pieces, fc.string({ unit: "binary", maxLength: 4 })), { maxLength: 30 }),
        (parts) => {
          try {
            parseCall(Buffer.from(parts.join("")));
          } catch (error) {
            expect(error).toBeInstanceOf(RpcFault);
          }
        },
      ),
      { numRuns: 2_000 },
    );
  });
});

describe("an answer's text", () => {
  it("comes back as it was, but for what XML cannot hold", () => {
    const read = (text: string) => {
      const answer = readAnswer(successResponse(text));
      return "values" in answer ? answer.values[1]?.[1] : undefined;
    };
    expect(read('a\r\n<b attr="x">&amp; ]]> é')).toBe('a\r\n<b attr="x">&amp; ]]> é');
    expect(read("a\u0001b\ud800")).toBe("a\uFFFDb\uFFFD");
  });
});

describe("the server", () => {
  let cloud: EmbeddedCloud;
  let rpc: RpcServer;

  beforeAll(async () => {
    ({ cloud } = await testCloud());
    rpc = openRpc(cloud, systemClock);
  });

  afterAll(() => cloud.close());

  it.each([
    "one.nosuch.method",
    "system.listMethods",
    "__proto__",
    "constructor",
    "toString",
    "one.vm.info\n\nx",
  ])("knows its methods and nothing else: %j", async (name) => {
    expect(await rpc.call(name, ADMIN, 0)).toEqual({
      fault: { code: -506, text: `Method '${name.trim()}' not defined` },
    });
  });

  it("shows no more than a bit of a long name", async () => {
    const answer = await rpc.call("x".repeat(100_000), ADMIN);
    expect(JSON.stringify(answer).length).toBeLessThan(250);
  });

  it("asks for a session, as text, before anything else", async () => {
    expect(await rpc.call("one.vm.info")).toEqual({ fault: { code: -501, text: "Not enough parameters" } });
    expect(await rpc.call("one.vm.info", 7)).toEqual({
      fault: { code: -501, text: "Parameter that is supposed to be a string is not" },
    });
  });

  it.each<[string, readonly Parameter[], string]>([
    ["one.vm.info", ["x"], "Parameter that is supposed to be integer is not"],
    ["one.vm.info", [0, "x"], "Parameter that is supposed to be boolean is not"],
    ["one.vm.rename", [0, 5], "Parameter that is supposed to be a string is not"],
    ["one.vm.rename", [0], "Not enough parameters"],
    ["one.user.allocate", ["u", "p", "core", 3], "Parameter that is supposed to be an array is not"],
    ["one.vm.chmod", [0, 1, 1, 1, 1, 1, 1, 1, 1], "Not enough parameters"],
  ])("%s with %j: %s", async (method, parameters, text) => {
    expect(await rpc.call(method, ADMIN, ...parameters)).toEqual({ fault: { code: -501, text } });
  });

  it("passes over parameters beyond those it knows, as OpenNebula does", async () => {
    expect(await rpc.value("one.system.version", ADMIN, 1, "more", true)).toBe("7.5.80");
  });

  it("answers every method with wrong, missing or huge parameters, and never breaks", async () => {
    // A token, since some of these calls change the password.
    const session = `oneadmin:${await rpc.value("one.user.login", ADMIN, "oneadmin", "", -1)}`;
    const odd: readonly (readonly Parameter[])[] = [
      [],
      [-1],
      [2_147_483_647, 2_147_483_647, 2_147_483_647, 2_147_483_647],
      ["<a", "<a", "<a"],
      [0, "=", 0],
      [0, "x", "x", "x"],
      [true, true],
      [-9, -9, -9, -9, ""],
    ];
    for (const name of METHODS.keys()) {
      for (const parameters of odd) {
        const answer = await rpc.call(name, session, ...parameters);
        if ("fault" in answer) expect([name, answer.fault.code]).toEqual([name, -501]);
        else expect([name, parameters, answer.values[1]?.[1]?.includes("Internal error")]).toContain(false);
      }
    }
  });

  it("wants calls labelled text/xml", async () => {
    expect(
      (await rpc.post(callText("one.system.version", [ADMIN]), { "Content-Type": "text/plain" })).status,
    ).toBe(415);
    expect((await rpc.post(callText("one.system.version", [ADMIN]), {})).status).toBe(415);
  });

  it("refuses a body that is too large without reading it", async () => {
    const response = await rpc.post("x".repeat(MAX_CALL_BYTES + 1));
    expect([response.status, response.headers.get("connection")]).toEqual([413, "close"]);
  });
});
