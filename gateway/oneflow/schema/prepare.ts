/** What somebody wrote, made ready for the schemas: in today's words, and without what stands for nothing. */

import type { JsonObject, JsonValue } from "../../cloud/model.ts";
import { attribute, isArray, isObject } from "./json.ts";
import { POLICY_ATTRIBUTES, ROLE_ATTRIBUTES, SERVICE_ATTRIBUTES } from "./known-attributes.ts";
import { modernRole, modernTemplate } from "./legacy.ts";
import { FLAGS } from "./service-schema.ts";

const NETWORK_ATTRIBUTES = ["id", "template_id", "reserve_from", "extra"];

/** @throws GatehouseError `bad_request` where a `vm_template_contents` is no template */
export function prepareTemplate(template: JsonObject): JsonObject {
  const modern = withoutBlanks(modernTemplate(template), SERVICE_ATTRIBUTES);
  return inPlace(inPlace(modern, "roles", withoutRoleBlanks), "networks_values", withoutNetworkBlanks);
}

/** @throws GatehouseError as prepareTemplate */
export function prepareRole(role: JsonObject): JsonObject {
  return withoutRoleBlanks(modernRole(role));
}

function withoutRoleBlanks(role: JsonObject): JsonObject {
  const policy = (object: JsonObject) => withoutBlanks(object, POLICY_ATTRIBUTES);
  const given = withoutBlanks(role, ROLE_ATTRIBUTES);
  return inPlace(inPlace(given, "elasticity_policies", policy), "scheduled_policies", policy);
}

function withoutNetworkBlanks(entry: JsonObject): JsonObject {
  const entries = Object.entries(entry).map(([name, value]): [string, JsonValue] => {
    return [name, isObject(value) ? withoutBlanks(value, NETWORK_ATTRIBUTES) : value];
  });
  return Object.fromEntries(entries);
}

/** Changes the objects of an array that stands under a name; what is no object there stays for the schema to refuse. */
function inPlace(holder: JsonObject, name: string, change: (object: JsonObject) => JsonObject): JsonObject {
  const items = attribute(holder, name);
  if (!isArray(items)) return holder;
  return { ...holder, [name]: items.map((item) => (isObject(item) ? change(item) : item)) };
}

/** `null`, and `false` where no flag is, say nothing (spec oneflow-api.md 5). What is not known stays as it is. */
function withoutBlanks(object: JsonObject, known: readonly string[]): JsonObject {
  const entries = Object.entries(object).filter(([name, value]) => {
    return !known.includes(name) || (value !== null && (value !== false || FLAGS.has(name)));
  });
  return Object.fromEntries(entries);
}
