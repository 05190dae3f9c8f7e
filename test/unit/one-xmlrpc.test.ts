import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { XmlRpcClient } from "../../gateway/cli/one/xmlrpc-client.ts";
import { systemClock } from "../../shared/clock.ts";
import { nodesAt, textAt } from "../../shared/xml/node.ts";
import { xmlToTree } from "../../shared/xml/parse.ts";
import { decodeAnswer, encodeCall } from "../../shared/xmlrpc/encoding.ts";
import { failure, recordedBody, success } from "../support/scripted-core.ts";

describe("a call", () => {
  it("is written as oned reads it", () => {
    const body = encodeCall("one.vm.action", ["alice:pw", "stop", 7, true, false, [1, 2]]);
    expect(body).toBe(
      '<?xml version="1.0"?><methodCall><methodName>one.vm.action</methodName><params>' +
        "<param><value><string>alice:pw</string></value></param>" +
        "<param><value><string>stop</string></value></param><param><value><i4>7</i4></value></param>" +
        "<param><value><boolean>1</boolean></value></param><param><value><boolean>0</boolean></value></param>" +
        "<param><value><array><data><value><i4>1</i4></value><value><i4>2</i4></value></data></array></value></param>" +
        "</params></methodCall>",
    );
  });

  it("carries any text that XML can hold, unchanged", () => {
    const texts = fc
      .string({ unit: "grapheme", maxLength: 60 })
      .filter((text) => !/[\p{Cc}\ufffe\uffff]/u.test(text));
    fc.assert(
      fc.property(texts, (text) => {
        const { node } = xmlToTree(encodeCall("m", [text]));
        expect(textAt(nodesAt(node, "params/param/value")[0], "string")).toBe(text);
      }),
    );
    const sharp = 'a <b> & ]]> "c" \r\n\t  ';
    const { node } = xmlToTree(encodeCall("m", [sharp]));
    expect(textAt(node, "params/param/value/string")).toBe(sharp);
  });

  it.each([["\u0000"], ["a\u001bb"], ["\ud800"]])("refuses what XML cannot hold: %j", (text) => {
    expect(() => encodeCall("m", [text])).toThrow(/control character/);
  });

  it.each([1.5, 2 ** 31, Number.NaN])("refuses %d, which is no 32-bit integer", (number) => {
    expect(() => encodeCall("m", [number])).toThrow(/out of range/);
  });
});

describe("an answer", () => {
  it("gives the value, whatever its type", () => {
    expect(decodeAnswer(recordedBody("system-version"))).toEqual({ kind: "success", value: "7.5.80" });
    expect(decodeAnswer(recordedBody("vm-update-append"))).toEqual({ kind: "success", value: 0 });
    expect(decodeAnswer(recordedBody("vm-info"))).toMatchObject({
      kind: "success",
      value: expect.stringMatching(/^<VM><ID>0<\/ID>/),
    });
    expect(decodeAnswer(success(""))).toEqual({ kind: "success", value: "" });
  });

  it("keeps the core's own words and code when it refuses", () => {
    expect(decodeAnswer(recordedBody("vm-info-denied"))).toEqual({
      kind: "failure",
      message: "[one.vm.info] User [3] : Not authorized to perform USE VM [0].",
      code: 512,
    });
  });

  it("understands answers of older releases, which end after the code", () => {
    const older = failure("one.vm.info", "no", 2048).replace(/<value><i4>-1<.*?i8><\/value>/, "");
    expect(decodeAnswer(older)).toEqual({ kind: "failure", message: "[one.vm.info] no", code: 2048 });
  });

  it("tells faults of XML-RPC itself", () => {
    expect(decodeAnswer(recordedBody("unknown-method"))).toEqual({
      kind: "fault",
      message: "Method 'one.nosuch.method' not defined",
      code: -506,
    });
  });

  it.each([
    "<html></html>",
    "<methodResponse/>",
    "<methodResponse><params><param><value><string>x</string></value></param></params></methodResponse>",
    '<!DOCTYPE a [<!ENTITY b "c">]><methodResponse/>',
    "nothing",
    "",
  ])("is nothing else: %j", (body) => {
    expect(() => decodeAnswer(body)).toThrow(/XML/);
  });
});

describe("the client", () => {
  let server: Server | undefined;

  afterEach(async () => {
    server?.closeAllConnections();
    await new Promise((resolve) => (server === undefined ? resolve(0) : server.close(resolve)));
    server = undefined;
  });

  async function answering(status: number, body: string, headers: Record<string, string> = {}) {
    const started = createServer((_request, response) => response.writeHead(status, headers).end(body));
    server = started;
    await new Promise<void>((resolve) => started.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(started.address() as AddressInfo).port}/RPC2`;
  }

  function call(endpoint: string, clock = systemClock) {
    return new XmlRpcClient({ endpoint, session: "alice:secret-word", clock }).call("one.vm.info", 0);
  }

  it("says what answered instead of a core, and never the password", async () => {
    const endpoint = await answering(404, "not here");
    await expect(call(endpoint)).rejects.toThrow(`${endpoint} answered HTTP 404; ONE_XMLRPC must name`);
    await expect(call(endpoint)).rejects.not.toThrow(/secret-word/);
  });

  it("says when what answers speaks something else", async () => {
    const endpoint = await answering(200, "<html>hello</html>");
    await expect(call(endpoint)).rejects.toThrow(`${endpoint} is no XML-RPC endpoint of OpenNebula`);
  });

  it("does not take the password where a redirect leads", async () => {
    const endpoint = await answering(307, "", { location: "/elsewhere" });
    const asked: (string | undefined)[] = [];
    server?.on("request", (request) => void asked.push(request.url));
    await expect(call(endpoint)).rejects.toThrow(`Cannot connect to ${endpoint}`);
    expect(asked).toEqual(["/RPC2"]);
  });

  it("says that nobody is there, and what to do", async () => {
    const endpoint = await answering(200, "");
    await new Promise((resolve) => server?.close(resolve));
    await expect(call(endpoint)).rejects.toThrow(
      `Cannot connect to ${endpoint}: the connection was refused. Start the house with "gatehouse up", or set ONE_XMLRPC`,
    );
  });

  it("gives up on a core that never answers", async () => {
    const silent = createServer();
    server = silent;
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    const endpoint = `http://127.0.0.1:${(silent.address() as AddressInfo).port}/RPC2`;
    let giveUp: () => void = () => {};
    const clock = {
      ...systemClock,
      after: (_ms: number, work: () => void) => {
        giveUp = work;
        return () => {};
      },
    };
    const asked = new Promise((resolve) => silent.once("request", resolve));
    const answer = call(endpoint, clock);
    await asked;
    giveUp();
    await expect(answer).rejects.toThrow("nobody answered in time");
  });
});
