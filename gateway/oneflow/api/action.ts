/** `{"action":{"perform":"chmod","params":{"octet":"640"}}}`: the body of every action. */

import { GatehouseError } from "../../../shared/errors.ts";
import type { Actor } from "../../cloud/actor.ts";
import type { JsonObject, JsonValue } from "../../cloud/model.ts";
import { shown } from "../../http/ids.ts";
import { attribute, isObject } from "../schema/json.ts";
import type { Answer } from "./answer.ts";
import type { FlowRequest } from "./request.ts";

export interface Action {
  readonly perform: string;
  /** Empty where none were given. */
  readonly params: JsonObject;
  readonly hasParams: boolean;
}

/** What an action does to a document. */
export interface ActionTarget {
  readonly actor: Actor;
  /** As the path has it. */
  readonly id: string;
  readonly params: JsonObject;
}

export type ActionHandler = (target: ActionTarget) => Promise<Answer>;

/** By name; looked up as own properties only. */
export type ActionTable = Readonly<Record<string, ActionHandler>>;

/** @throws GatehouseError `bad_request` for any other form */
export async function readAction(request: FlowRequest): Promise<Action> {
  const body = await request.json();
  const action = isObject(body) ? attribute(body, "action") : undefined;
  if (action === undefined || !isObject(action)) {
    throw new GatehouseError("bad_request", 'The body must be {"action":{"perform":NAME,"params":{...}}}.');
  }
  const perform = attribute(action, "perform");
  if (typeof perform !== "string" || perform === "") {
    throw new GatehouseError("bad_request", "The action's perform must be the name of an action.");
  }
  const given = attribute(action, "params") ?? undefined;
  const params = given ?? {};
  if (!isObject(params))
    throw new GatehouseError("bad_request", `Action ${shown(perform)}: params must be an object.`);
  return { perform, params, hasParams: given !== undefined };
}

/** @throws GatehouseError `bad_request` in the recorded words for an action that the table has not */
export function handlerOf(table: ActionTable, perform: string): ActionHandler {
  const handler = Object.hasOwn(table, perform) ? table[perform] : undefined;
  if (handler === undefined) throw notSupported(perform);
  return handler;
}

export function notSupported(perform: string): GatehouseError {
  return new GatehouseError("bad_request", `Action ${shown(perform)} not supported`);
}

/** A parameter that is text; undefined when it is missing or null. @throws GatehouseError `bad_request` for anything else. */
export function textParam(params: JsonObject, name: string): string | undefined {
  const value = attribute(params, name) ?? undefined;
  if (value === undefined || typeof value === "string") return value;
  throw new GatehouseError("bad_request", `The parameter ${name} must be text.`);
}

/** As `textParam` for true and false. */
export function flagParam(params: JsonObject, name: string): boolean | undefined {
  const value = attribute(params, name) ?? undefined;
  if (value === undefined || typeof value === "boolean") return value;
  if (value === "true" || value === "false") return value === "true";
  throw new GatehouseError("bad_request", `The parameter ${name} must be true or false.`);
}

/** As `textParam` for a whole number, which may be written as text: so commands send it. */
export function integerParam(params: JsonObject, name: string): number | undefined {
  const value = attribute(params, name) ?? undefined;
  return value === undefined ? undefined : integer(value, name);
}

/** @throws GatehouseError `bad_request` for what writes no whole number */
export function integer(value: JsonValue, name: string): number {
  const number = typeof value === "string" && /^ *-?[0-9]{1,15} *$/.test(value) ? Number(value) : value;
  if (typeof number === "number" && Number.isSafeInteger(number)) return number;
  throw new GatehouseError("bad_request", `${name} must be a whole number.`);
}
