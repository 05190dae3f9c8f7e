/** XML-RPC as OpenNebula uses it: calls of flat values, and answers that are a result triple or a fault. */

import { GatehouseError } from "../errors.ts";
import { entriesOf, nodesAt, textAt } from "../xml/node.ts";
import { xmlToTree } from "../xml/parse.ts";
import type { XmlNode } from "../xml/tree.ts";

/** Numbers are 32-bit integers; arrays of them are OpenNebula's id lists. */
export type RpcValue = string | number | boolean | readonly number[];

export type RpcAnswer =
  | { readonly kind: "success"; readonly value: string | number | boolean }
  | { readonly kind: "failure"; readonly message: string; readonly code: number }
  | { readonly kind: "fault"; readonly message: string; readonly code: number };

const ILLEGAL = /[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/u;
const MAX_INT = 2 ** 31 - 1;

/** @throws GatehouseError `bad_request` for text that XML cannot hold, or a number that is no 32-bit integer. */
export function encodeCall(method: string, values: readonly RpcValue[]): string {
  const params = values.map((value) => `<param>${encodeValue(value)}</param>`).join("");
  return `<?xml version="1.0"?><methodCall><methodName>${method}</methodName><params>${params}</params></methodCall>`;
}

function encodeValue(value: RpcValue): string {
  if (typeof value === "string") return `<value><string>${escapeText(value)}</string></value>`;
  if (typeof value === "boolean") return `<value><boolean>${value ? 1 : 0}</boolean></value>`;
  if (typeof value === "number") return `<value><i4>${integer(value)}</i4></value>`;
  return `<value><array><data>${value.map(encodeValue).join("")}</data></array></value>`;
}

function integer(value: number): number {
  if (Number.isInteger(value) && Math.abs(value) <= MAX_INT) return value;
  throw new GatehouseError("bad_request", `${value} is out of range: ${-MAX_INT} to ${MAX_INT} is allowed.`);
}

function escapeText(text: string): string {
  if (ILLEGAL.test(text))
    throw new GatehouseError("bad_request", "The text holds a control character, which XML cannot carry.");
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll("\r", "&#13;");
}

/**
 * The result of a call: `[true, value, ...]`, `[false, message, code, ...]`, or a fault of XML-RPC itself.
 * @throws GatehouseError `bad_request` for anything that is no such answer.
 */
export function decodeAnswer(body: string): RpcAnswer {
  const { name, node } = xmlToTree(body.trimStart());
  if (name !== "methodResponse") throw unexpected();
  const [fault] = nodesAt(node, "fault/value/struct");
  if (fault !== undefined) return faultOf(fault);
  const [success, value, code] = nodesAt(node, "params/param/value/array/data/value").map(scalarOf);
  if (success === true && value !== undefined) return { kind: "success", value };
  if (success === false && typeof value === "string" && typeof code === "number")
    return { kind: "failure", message: value, code };
  throw unexpected();
}

function faultOf(struct: XmlNode): RpcAnswer {
  const members = new Map(
    nodesAt(struct, "member").map((member) => [
      textAt(member, "name"),
      nodesAt(member, "value").map(scalarOf)[0],
    ]),
  );
  return {
    kind: "fault",
    message: String(members.get("faultString") ?? ""),
    code: Number(members.get("faultCode")),
  };
}

function scalarOf(value: XmlNode): string | number | boolean {
  if (typeof value === "string") return value;
  const [entry] = entriesOf(value);
  if (entry === undefined) return "";
  const [type, content] = entry;
  const text = typeof content === "string" ? content : "";
  if (type === "string") return text;
  if (type === "boolean") return text.trim() === "1";
  if (["i4", "int", "i8", "ex:i8"].includes(type)) return Number(text);
  throw unexpected();
}

function unexpected(): GatehouseError {
  return new GatehouseError("bad_request", "The answer is not in the form of OpenNebula's XML-RPC.");
}
