/** Templates as parameters: OpenNebula's text, or XML when they begin with an angle bracket; the core takes both. */

import { errorText, GatehouseError, isGatehouseError } from "../../shared/errors.ts";
import { groupAttributes } from "../../shared/template/group.ts";
import { isAttributeName } from "../../shared/template/limits.ts";
import { parseTemplate } from "../../shared/template/parse.ts";
import type { Template, Value } from "../../shared/template/types.ts";
import { xmlToTree } from "../../shared/xml/parse.ts";
import type { XmlNode } from "../../shared/xml/tree.ts";
import type { UpdateMode } from "../cloud/pools/pool.ts";
import { CORE_CODE, CoreRefusal } from "./codes.ts";

/** How the core refuses a template that it cannot read. */
interface Unreadable {
  readonly code: number;
  /** What stands before "Parse error: ...". */
  readonly prefix: string;
}

/** Recorded for one.document.allocate. */
const IN_ALLOCATE: Unreadable = { code: CORE_CODE.INTERNAL, prefix: "" };
/** As every other refusal of an update; recorded for a restricted attribute. */
const IN_UPDATE: Unreadable = { code: CORE_CODE.INTERNAL, prefix: "Cannot update template. " };
/** VMs read theirs before the update begins; recorded. */
export const IN_VM_UPDATE: Unreadable = { code: CORE_CODE.ACTION, prefix: "" };

/** @throws CoreRefusal "Parse error: ..." */
export function templateArgument(text: string, unreadable: Unreadable = IN_ALLOCATE): Template {
  try {
    return text.trimStart().startsWith("<") ? templateFromXml(text.trim()) : parseTemplate(text);
  } catch (error) {
    if (!isGatehouseError(error)) throw error;
    throw new CoreRefusal(unreadable.code, `${unreadable.prefix}Parse error: ${errorText(error)}`);
  }
}

/** The two parameters of every update: 0 replaces, 1 appends. @throws CoreRefusal as templateArgument. */
export function updateArguments(
  text: string,
  type: number,
  unreadable: Unreadable = IN_UPDATE,
): { readonly template: Template; readonly mode: UpdateMode } {
  if (type !== 0 && type !== 1)
    throw new CoreRefusal(
      CORE_CODE.XML_RPC_API,
      `Wrong update type ${type}: it must be 0 (replace) or 1 (append).`,
    );
  return { template: templateArgument(text, unreadable), mode: type === 1 ? "append" : "replace" };
}

/** The children of the root, whatever its name. */
function templateFromXml(text: string): Template {
  const children = elementOf(readXml(text));
  const attributes = Object.entries(children).flatMap(([name, node]) =>
    (isList(node) ? node : [node]).map((one) => ({ name: attributeName(name), value: attributeValue(one) })),
  );
  return groupAttributes(attributes);
}

function readXml(text: string): XmlNode {
  try {
    return xmlToTree(text).node;
  } catch (error) {
    if (isGatehouseError(error) && error.code === "bad_request") throw malformed();
    throw error;
  }
}

function malformed(): GatehouseError {
  return new GatehouseError("bad_request", "XML Template malformed.");
}

function isList(node: XmlNode): node is readonly XmlNode[] {
  return Array.isArray(node);
}

function elementOf(node: XmlNode): { readonly [name: string]: XmlNode } {
  if (typeof node === "string" || isList(node)) throw malformed();
  return node;
}

function attributeName(name: string): string {
  if (!isAttributeName(name)) throw malformed();
  return name.toUpperCase();
}

/** An element with children is a vector, and holds nothing but texts. */
function attributeValue(node: XmlNode): Value {
  if (typeof node === "string") return node;
  const entries = Object.entries(elementOf(node));
  if (entries.length === 0) return "";
  return Object.fromEntries(entries.map(([name, inner]) => [attributeName(name), innerText(inner)]));
}

function innerText(node: XmlNode): string {
  if (typeof node === "string") return node;
  if (Object.keys(elementOf(node)).length > 0) throw malformed();
  return "";
}
