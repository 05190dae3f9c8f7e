/** XML-RPC as it comes in: one methodCall to a name and plain values, bounded before anything is believed. */

import { isUtf8 } from "node:buffer";
import { isGatehouseError } from "../../shared/errors.ts";
import { xmlToTree } from "../../shared/xml/parse.ts";
import type { XmlNode } from "../../shared/xml/tree.ts";

/** Room for the largest template (1 MiB) with every character of it escaped. */
export const MAX_CALL_BYTES = 8 * 1024 * 1024;
/** The longest call has a dozen parameters; lists of group ids may be longer. */
const MAX_CALL_ELEMENTS = 10_000;
const MAX_INT = 2 ** 31;

/** Codes of the library that OpenNebula serves with (recorded: -501, -506). */
export const FAULT_CODE = {
  internal: -500,
  type: -501,
  parse: -503,
  noSuchMethod: -506,
  limit: -509,
} as const;

/** What is wrong with a call itself, before the core is asked. The message never holds a parameter. */
export class RpcFault extends Error {
  readonly faultCode: number;

  constructor(faultCode: number, message: string) {
    super(message);
    this.name = "RpcFault";
    this.faultCode = faultCode;
  }
}

/** A value of a type that no method of ours takes (double, dateTime.iso8601, base64, struct, nil). */
export interface OtherValue {
  readonly type: string;
}

/** i4, int and i8 are numbers; strings keep their blanks. */
export type RpcValue = string | number | boolean | readonly RpcValue[] | OtherValue;

export interface MethodCall {
  readonly name: string;
  readonly parameters: readonly RpcValue[];
}

/** @throws RpcFault -503 for what is no call, -509 for one too large. */
export function parseCall(bytes: Uint8Array): MethodCall {
  const { name, node } = readXml(bytes);
  const { methodName, params = {}, ...others } = childrenOf(node);
  if (name !== "methodCall" || typeof methodName !== "string" || Object.keys(others).length > 0)
    throw notACall("a methodCall holds one methodName and params");
  return { name: methodName.trim(), parameters: listOf(params, "param").map(parameterOf) };
}

function readXml(bytes: Uint8Array): { name: string; node: XmlNode } {
  if (!isUtf8(bytes)) throw notACall("it is not UTF-8");
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
  try {
    return xmlToTree(text, { maxBytes: MAX_CALL_BYTES, maxElements: MAX_CALL_ELEMENTS });
  } catch (error) {
    if (!isGatehouseError(error)) throw error;
    if (error.code === "too_large") throw new RpcFault(FAULT_CODE.limit, error.message);
    throw new RpcFault(FAULT_CODE.parse, `Call is not valid XML. ${error.message}`);
  }
}

function notACall(why: string): RpcFault {
  return new RpcFault(FAULT_CODE.parse, `Call XML not a proper XML-RPC call: ${why}.`);
}

type Children = { readonly [name: string]: XmlNode };

function childrenOf(node: XmlNode): Children {
  return isElement(node) ? node : {};
}

/** An element with children, or an empty one. */
function isElement(node: XmlNode): node is Children {
  return typeof node === "object" && !Array.isArray(node);
}

/** The repeated children of a list element; nothing may stand beside them. */
function listOf(node: XmlNode, name: string): readonly XmlNode[] {
  if (typeof node === "string" && node.trim() === "") return [];
  const { [name]: items, ...others } = childrenOf(node);
  if (!isElement(node) || Object.keys(others).length > 0) throw notACall(`only ${name} may stand there`);
  if (items === undefined) return [];
  return isList(items) ? items : [items];
}

function isList(node: XmlNode): node is readonly XmlNode[] {
  return Array.isArray(node);
}

function parameterOf(node: XmlNode): RpcValue {
  const { value, ...others } = childrenOf(node);
  if (value === undefined || isList(value) || Object.keys(others).length > 0)
    throw notACall("a param holds one value");
  return valueIn(value);
}

/** `<value>text</value>` is a string too. */
function valueIn(node: XmlNode): RpcValue {
  if (typeof node === "string") return node;
  const [typed, ...others] = Object.entries(childrenOf(node));
  if (typed === undefined) return "";
  const [type, content] = typed;
  if (others.length > 0 || isList(content)) throw notACall("a value has one type");
  return typedValue(type, content);
}

function typedValue(type: string, content: XmlNode): RpcValue {
  switch (type) {
    case "string":
      return textOf(content, type);
    case "i4":
    case "int":
      return integerOf(textOf(content, type), MAX_INT);
    case "i8":
      return integerOf(textOf(content, type), Number.MAX_SAFE_INTEGER);
    case "boolean":
      return booleanOf(textOf(content, type).trim());
    case "array":
      return arrayOf(content);
    default:
      return { type };
  }
}

function textOf(content: XmlNode, type: string): string {
  if (typeof content === "string") return content;
  if (Object.keys(content).length > 0) throw notACall(`a ${type} holds text only`);
  return "";
}

function integerOf(text: string, bound: number): number {
  const number = /^\s*[+-]?\d{1,16}\s*$/.test(text) ? Number(text) : Number.NaN;
  if (!(number >= -bound && number < bound)) throw notACall("an integer must be whole and in its range");
  return number;
}

function booleanOf(text: string): boolean {
  if (text !== "0" && text !== "1") throw notACall("a boolean is 0 or 1");
  return text === "1";
}

function arrayOf(content: XmlNode): readonly RpcValue[] {
  const [data, ...others] = listOf(content, "data");
  if (data === undefined || others.length > 0) throw notACall("an array holds one data");
  return listOf(data, "value").map(valueIn);
}
