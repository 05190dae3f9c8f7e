/** A core that says what it is told to: an XML-RPC server that replays recorded answers, and keeps what it was asked. */

import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { nodesAt, textAt } from "../../shared/xml/node.ts";
import { xmlToTree } from "../../shared/xml/parse.ts";
import { elementToXml } from "../../shared/xml/print.ts";
import type { XmlNode } from "../../shared/xml/tree.ts";

const FIXTURES = join(import.meta.dirname, "../fixtures");

export interface CoreCall {
  readonly method: string;
  /** The session and the values, as text; arrays as lists of text. */
  readonly values: readonly (string | readonly string[])[];
}

/** The body of an answer, whole. */
type Answer = string | ((call: CoreCall) => string);

export interface ScriptedCore {
  readonly endpoint: string;
  /** Calls so far, without their session. */
  readonly calls: readonly (readonly [string, ...(string | readonly string[])[]])[];
  close(): Promise<void>;
}

/** Answers by method; a method that is not there gets the fault that oned sends for it. */
export async function startScriptedCore(
  answers: Readonly<Record<string, Answer>>,
  session = "alice:alicepw",
): Promise<ScriptedCore> {
  const calls: (readonly [string, ...(string | readonly string[])[]])[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const call = callOf(Buffer.concat(chunks).toString("utf8"));
      const [given, ...values] = call.values;
      calls.push([call.method, ...values]);
      const answer = given === session ? answers[call.method] : failure(call.method, REFUSED, 256);
      response.setHeader("content-type", "text/xml; charset=utf-8");
      response.end(typeof answer === "function" ? answer(call) : (answer ?? recordedBody("unknown-method")));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: `http://127.0.0.1:${port}/RPC2`,
    calls,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

const REFUSED = "User couldn't be authenticated, aborting call.";

function callOf(body: string): CoreCall {
  const { node } = xmlToTree(body);
  const values = nodesAt(node, "params/param/value").map((value) => {
    const items = nodesAt(value, "array/data/value");
    return items.length > 0 ? items.map(scalarText) : scalarText(value);
  });
  return { method: textAt(node, "methodName"), values };
}

function scalarText(value: XmlNode): string {
  return ["string", "i4", "boolean"].map((type) => textAt(value, type)).find((text) => text !== "") ?? "";
}

/** An answer's body as it was recorded: of the exchange `vm-info`, for example. */
export function recordedBody(name: string): string {
  for (const line of readFileSync(join(FIXTURES, "xmlrpc.jsonl"), "utf8").trimEnd().split("\n")) {
    const exchange = JSON.parse(line);
    if (String(exchange.name).split(":")[0] === name) return String(exchange.response.body);
  }
  throw new Error(`no exchange ${name} was recorded`);
}

/** The document that a recorded answer carries. */
export function recordedDocument(name: string): string {
  const { node } = xmlToTree(recordedBody(name));
  return textAt(nodesAt(node, "params/param/value/array/data/value")[1], "string");
}

/** A pool document of the recorded world's objects: those whose pool was not recorded itself. */
export function worldPool(part: string, pool: string): string {
  const world = JSON.parse(readFileSync(join(FIXTURES, "onegate-world.json"), "utf8"));
  const objects: readonly Readonly<Record<string, XmlNode>>[] = world[part];
  const inner = objects.flatMap((each) =>
    Object.entries(each).map(([name, node]) => elementToXml(name, node)),
  );
  return `<${pool}>${inner.join("")}</${pool}>`;
}

/** `[true, value, 0]`. */
export function success(value: string | number): string {
  return response(`<value><boolean>1</boolean></value>${scalar(value)}<value><i4>0</i4></value>`);
}

/** `[false, message, code, -1, -1]`, the message headed by its method. */
export function failure(method: string, message: string, code: number): string {
  return response(
    `<value><boolean>0</boolean></value>${scalar(`[${method}] ${message}`)}${scalar(code)}${scalar(-1)}` +
      "<value><i8>-1</i8></value>",
  );
}

function scalar(value: string | number): string {
  const text = String(value).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  return `<value>${typeof value === "string" ? `<string>${text}</string>` : `<i4>${text}</i4>`}</value>`;
}

function response(values: string): string {
  return (
    '<?xml version="1.0" encoding="UTF-8"?>\r\n<methodResponse><params><param><value><array><data>' +
    `${values}</data></array></value></param></params></methodResponse>\r\n`
  );
}
