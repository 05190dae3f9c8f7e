/**
 * What a message of oned's hook manager says that may have changed (spec core-xmlrpc.md 6). Nobody signs these messages,
 * and they come when they come: they only say where to look, and what is there is read from the core.
 */

import { isGatehouseError } from "../../../../shared/errors.ts";
import { nodesAt, textAt } from "../../../../shared/xml/node.ts";
import { xmlToTree } from "../../../../shared/xml/parse.ts";

export type HintKind = "vm" | "host" | "vn" | "document" | "vrouter";

export interface Hint {
  readonly kind: HintKind;
  /** Undefined: it does not say which. */
  readonly id: number | undefined;
}

/** Messages whose first frame begins so. */
export const TOPICS = [
  "EVENT STATE VM/",
  "EVENT STATE HOST/",
  "EVENT STATE NET/",
  "EVENT API one.vm.",
  "EVENT API one.document.",
  "EVENT API one.vrouter.",
  "EVENT API one.vn.",
] as const;

const STATE_KINDS: Readonly<Record<string, HintKind>> = { VM: "vm", HOST: "host", NET: "vn" };
const CALL_KINDS: Readonly<Record<string, HintKind>> = {
  vm: "vm",
  document: "document",
  vrouter: "vrouter",
  vn: "vn",
};
const MAX_BASE64 = 4 * 1024 * 1024;
const NUMBER =
  /<PARAMETER><POSITION>(\d{1,3})<\/POSITION><TYPE>(IN|OUT)<\/TYPE><VALUE>(?:<!\[CDATA\[)?(\d{1,10})(?:\]\]>)?<\/VALUE>/g;

/** Undefined for what says nothing about objects that are followed, and for calls that were refused. */
export function hintIn(topic: string, payload: string): Hint | undefined {
  const [, object = "", idText = ""] = /^EVENT STATE ([A-Z]+)\/[^ ]*?\/(\d{1,10}) ?$/.exec(topic) ?? [];
  const stateKind = STATE_KINDS[object];
  if (stateKind !== undefined) return { kind: stateKind, id: Number(idText) };
  const [, called = "", action = ""] = /^EVENT API one\.([a-z]+)\.([a-z_]+) 1 ?$/.exec(topic) ?? [];
  const kind = CALL_KINDS[called];
  return kind && { kind, id: idOf(action, payload) };
}

/** The id that a call was about: its second parameter, after the session; or what it gave, when it made something. */
function idOf(action: string, payload: string): number | undefined {
  const parameters = parametersIn(payload);
  const isAt = (type: string, position: number) => (one: Parameter) =>
    one.type === type && one.position === position;
  const made = action === "allocate" || action === "clone" || action === "reserve";
  // What the core gave comes after all that callers wrote, and their ids before.
  const parameter = made
    ? parameters.findLast(isAt("OUT", 2))
    : parameters.find(isAt("IN", action === "action" ? 3 : 2));
  const text = parameter?.value;
  return text !== undefined && /^\d{1,10}$/.test(text) ? Number(text) : undefined;
}

interface Parameter {
  readonly type: string;
  readonly position: number;
  readonly value: string;
}

function parametersIn(payload: string): readonly Parameter[] {
  if (payload.length > MAX_BASE64) return [];
  const xml = Buffer.from(payload, "base64").toString("utf8");
  try {
    const { node } = xmlToTree(xml);
    return nodesAt(node, "CALL_INFO/PARAMETERS/PARAMETER").map((one) => ({
      type: textAt(one, "TYPE"),
      position: Number(textAt(one, "POSITION")),
      value: textAt(one, "VALUE"),
    }));
  } catch (error) {
    if (isGatehouseError(error)) return numbersIn(xml);
    throw error;
  }
}

/**
 * oned puts what callers wrote into its message as it is, so that may be no XML. Whoever wrote it must not have all
 * objects looked at by that: numbers are found as text.
 */
function numbersIn(xml: string): readonly Parameter[] {
  return [...xml.matchAll(NUMBER)].map(([, position, type = "", value = ""]) => ({
    type,
    position: Number(position),
    value,
  }));
}
