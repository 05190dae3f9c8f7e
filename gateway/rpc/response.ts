/** XML-RPC as it goes out, line by line as recorded: the core's result array, or a fault. */

import type { RpcFault } from "./protocol.ts";

/** What a method gives: an id, an XML document or other text, or a yes or no. */
export type Result = string | number | boolean;

/** A refusal of the core's. */
export interface Failure {
  readonly message: string;
  readonly code: number;
  /** What the refusal is about; -1: nothing in particular. */
  readonly resourceId: number;
}

const HEAD = '<?xml version="1.0" encoding="UTF-8"?>\r\n<methodResponse>\r\n';
const TAIL = "</methodResponse>\r\n";

/** What XML 1.0 has no way to hold. */
const ILLEGAL = /[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu;

/** `[true, value, 0]` */
export function successResponse(result: Result): string {
  return arrayResponse([typed("boolean", "1"), typedResult(result), typed("i4", "0")]);
}

/** `[false, message, code, resource id, replication index]` */
export function failureResponse({ message, code, resourceId }: Failure): string {
  return arrayResponse([
    typed("boolean", "0"),
    typed("string", escapeXml(message)),
    typed("i4", String(code)),
    typed("i4", String(resourceId)),
    typed("i8", "-1"),
  ]);
}

export function faultResponse(fault: RpcFault): string {
  const members = [
    `<member><name>faultCode</name>\r\n${typed("i4", String(fault.faultCode))}</member>\r\n`,
    `<member><name>faultString</name>\r\n${typed("string", escapeXml(fault.message))}</member>\r\n`,
  ];
  return `${HEAD}<fault>\r\n<value><struct>\r\n${members.join("")}</struct></value>\r\n</fault>\r\n${TAIL}`;
}

function arrayResponse(values: readonly string[]): string {
  const data = values.map((value) => `${value}\r\n`).join("");
  return `${HEAD}<params>\r\n<param><value><array><data>\r\n${data}</data></array></value></param>\r\n</params>\r\n${TAIL}`;
}

function typed(type: string, text: string): string {
  return `<value><${type}>${text}</${type}></value>`;
}

function typedResult(result: Result): string {
  if (typeof result === "number") return typed("i4", String(result));
  if (typeof result === "boolean") return typed("boolean", result ? "1" : "0");
  return typed("string", escapeXml(result));
}

/** A carriage return that is not escaped reaches the reader as a newline. */
function escapeXml(text: string): string {
  return text
    .replace(ILLEGAL, "\uFFFD")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll("\r", "&#x0d;");
}
