/**
 * One value of a document, by its path, so that a shell script needs no JSON parser:
 *
 *     GET /vm/USER_TEMPLATE/READY       YES
 *     GET /vm/TEMPLATE/NIC/0/IP         10.0.0.5        (also NIC/NIC0/IP: elements by index, or by NAME)
 *     GET /service/roles/worker/state   2
 *
 * A leaf is answered as plain text, whatever holds more as JSON.
 */

import { GatehouseError } from "../../shared/errors.ts";
import type { JsonValue } from "../cloud/model.ts";
import { shown } from "../http/ids.ts";
import { type Answer, jsonText, plainText } from "./answer.ts";
import type { GateRequest } from "./request.ts";
import type { GuestHandler } from "./route.ts";

const MAX_DEPTH = 16;

/** Names shown where one was not found. */
const MAX_NAMES_SHOWN = 12;

/** Answers one value of the document that `whole` answers; the rest of the path, after `base`, says which. */
export function valueHandler(base: string, whole: GuestHandler): GuestHandler {
  const skipped = base.split("/").length;
  return function value(request, guest) {
    const path = pathOf(request, skipped);
    const answer = whole(request, guest);
    return answer instanceof Promise ? answer.then((all) => oneOf(all, path)) : oneOf(answer, path);
  };
}

/** Decoded after it was divided, so an encoded slash is part of a name. @throws GatehouseError `bad_request`. */
function pathOf(request: GateRequest, skipped: number): readonly string[] {
  const path = request.path.split("/").slice(skipped).map(decoded);
  if (path.length > MAX_DEPTH) {
    throw new GatehouseError(
      "bad_request",
      `A path has at most ${MAX_DEPTH} names, and this one ${path.length}.`,
    );
  }
  return path;
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw new GatehouseError("bad_request", `Invalid path: not UTF-8 in %-encoding (${shown(segment)})`);
  }
}

function oneOf(whole: Answer, path: readonly string[]): Answer {
  const document: JsonValue = JSON.parse(whole.body ?? "null");
  // The one root element, VM or SERVICE, goes without saying.
  let value: JsonValue = isObject(document) ? (Object.values(document)[0] ?? null) : document;
  path.forEach((name, depth) => {
    const inner = innerOf(value, name);
    if (inner === undefined) throw notThere(path, depth, value);
    value = inner;
  });
  if (Array.isArray(value) || isObject(value)) return jsonText(JSON.stringify(value));
  return plainText(value === null ? "" : String(value));
}

/** Own properties only: `__proto__` and `constructor` are names like any other, and nothing bears them. */
function innerOf(value: JsonValue, name: string): JsonValue | undefined {
  if (Array.isArray(value)) return elementOf(value, name);
  return isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

function elementOf(list: readonly JsonValue[], name: string): JsonValue | undefined {
  if (/^(0|[1-9][0-9]{0,8})$/.test(name)) return list[Number(name)];
  return list.find((element) => isObject(element) && (element.NAME ?? element.name) === name);
}

function notThere(path: readonly string[], depth: number, value: JsonValue): GatehouseError {
  const where = depth === 0 ? "the document" : shown(path.slice(0, depth).join("/"), 200);
  const missing = `There is no ${shown(path[depth] ?? "")} in ${where}`;
  return new GatehouseError("not_found", `${missing}; it holds ${namesIn(value)}.`);
}

function namesIn(value: JsonValue): string {
  if (Array.isArray(value)) return value.length === 0 ? "nothing" : `the elements 0 to ${value.length - 1}`;
  if (!isObject(value)) return "a single value";
  const names = Object.keys(value);
  if (names.length === 0) return "nothing";
  const more = names.length > MAX_NAMES_SHOWN ? `, and ${names.length - MAX_NAMES_SHOWN} more` : "";
  return `${names
    .slice(0, MAX_NAMES_SHOWN)
    .map((name) => shown(name))
    .join(", ")}${more}`;
}

function isObject(value: JsonValue | undefined): value is { readonly [name: string]: JsonValue } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
