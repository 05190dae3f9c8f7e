/**
 * Merging of JSON into a service template: what `merge_template` brings at instantiation, and `update --append` (spec
 * oneflow-api.md 4, "Instantiate merging"). Objects merge by key, arrays are joined, all else is replaced; roles are
 * matched by name, values of networks by network.
 */

import { GatehouseError } from "../../../shared/errors.ts";
import type { JsonObject, JsonValue } from "../../cloud/model.ts";
import { asJson, type ServiceTemplateBody } from "../model.ts";
import { attribute, isArray, isObject, without } from "./json.ts";
import { modernParts, modernRole, modernTemplate } from "./legacy.ts";
import { MAX_DECLARATIONS, MAX_JOINED, MAX_ROLES } from "./limits.ts";
import { objectFrom, parseServiceTemplate } from "./parse.ts";
import { WRONG_NETWORKS_VALUES } from "./sentences.ts";
import { WRONG_INPUTS } from "./user-inputs.ts";

/** What a role that `over` names and the base has not is: added to it, or refused. */
type Newcomers = "add" | "refuse";

const MAX_OF: ReadonlyMap<string, number> = new Map([
  ["roles", MAX_ROLES],
  ["networks_values", MAX_DECLARATIONS],
]);

/**
 * The template of one service to be: `merge_template` over the service template, checked as a whole.
 * @param merge as the caller gave it; undefined and null are none
 * @throws GatehouseError `bad_request` as parseServiceTemplate, for a role that the template has not, and for
 *   `user_inputs_values` and `networks_values` of a wrong form
 */
export function mergeTemplate(
  template: ServiceTemplateBody,
  merge: JsonValue | undefined,
): ServiceTemplateBody {
  const base = asJson(template);
  if (merge === undefined || merge === null) return parseServiceTemplate(base);
  const over = modernNames(objectFrom(merge, "merge_template"));
  const values = attribute(over, "user_inputs_values");
  if (!isNothing(values) && !isObject(values)) throw refusal(WRONG_INPUTS);
  const networks = attribute(over, "networks_values");
  if (!isNothing(networks) && !isArray(networks)) throw refusal(WRONG_NETWORKS_VALUES);
  return parseServiceTemplate(mergeService(base, without(over, ["registration_time"]), "refuse"));
}

/**
 * The JSON that `append` makes of a stored body, to be checked like any other; roles that it has not are added.
 * @throws GatehouseError `bad_request` for what is no object
 */
export function appendTo(body: JsonObject, append: JsonValue): JsonObject {
  return mergeService(body, modernNames(objectFrom(append, "template to append")), "add");
}

/** The names that older OpenNebula has for attributes of a service, in today's; roles follow where they are merged. */
function modernNames(over: JsonObject): JsonObject {
  const roles = attribute(over, "roles");
  const modern = modernTemplate(without(over, ["roles"]));
  return roles === undefined ? modern : { ...modern, roles };
}

/** What is no object or array where the other has one replaces it; parsing refuses it afterwards. */
function mergeService(base: JsonObject, over: JsonObject, newcomers: Newcomers): JsonObject {
  const entries = new Map(Object.entries(base));
  for (const [name, value] of Object.entries(over)) {
    const present = entries.get(name);
    const most = MAX_OF.get(name) ?? MAX_JOINED;
    if (isArray(value) && value.length > most)
      throw refusal(`${name} has more than the ${most} entries allowed.`);
    if (name === "roles" && isArray(present) && isArray(value)) {
      entries.set(name, mergeRoles(present, value, newcomers));
    } else if (name === "networks_values" && isArray(present) && isArray(value)) {
      entries.set(name, mergeNetworks(present, value));
    } else entries.set(name, mergeValues(present, value));
  }
  return Object.fromEntries(entries);
}

function mergeRoles(
  base: readonly JsonValue[],
  over: readonly JsonValue[],
  newcomers: Newcomers,
): readonly JsonValue[] {
  const merged = [...base];
  const seen = new Set<JsonValue>();
  for (const role of over) {
    const name = isObject(role) ? attribute(role, "name") : undefined;
    if (name !== undefined && seen.size === seen.add(name).size) throw refusal(repeated(name));
    const index = merged.findIndex(
      (one) => isObject(one) && name !== undefined && attribute(one, "name") === name,
    );
    const present = merged[index];
    if (present !== undefined)
      merged[index] = mergeValues(present, isObject(role) ? modernParts(role) : role);
    else if (newcomers === "add") merged.push(isObject(role) ? modernRole(role) : role);
    else throw refusal(strangeRole(name));
  }
  return merged;
}

/** Entries are objects of one key, the network's name. */
function mergeNetworks(base: readonly JsonValue[], over: readonly JsonValue[]): readonly JsonValue[] {
  const merged = [...base];
  for (const entry of over) {
    const [name] = isObject(entry) ? Object.keys(entry) : [];
    const index = merged.findIndex((one) => isObject(one) && name !== undefined && Object.hasOwn(one, name));
    if (index < 0) merged.push(entry);
    else merged[index] = entry;
  }
  return merged;
}

function mergeValues(base: JsonValue | undefined, over: JsonValue): JsonValue {
  if (isArray(base) && isArray(over)) return [...base, ...over];
  if (!isObject(base) || !isObject(over)) return over;
  const entries = new Map(Object.entries(base));
  for (const [name, value] of Object.entries(over)) entries.set(name, mergeValues(entries.get(name), value));
  return Object.fromEntries(entries);
}

function repeated(name: JsonValue): string {
  return `Role name '${String(name).slice(0, 128)}' is repeated`;
}

function strangeRole(name: JsonValue | undefined): string {
  return typeof name === "string"
    ? `merge_template has a role '${name.slice(0, 128)}', which the service template has not.`
    : "Each role of merge_template must be an object with the name of a role of the service template.";
}

function isNothing(value: JsonValue | undefined): boolean {
  return value === undefined || value === null || value === false;
}

function refusal(sentence: string): GatehouseError {
  return new GatehouseError("bad_request", sentence);
}
