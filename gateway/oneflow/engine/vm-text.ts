/** What a VM of a role is made with, over the cloud's own VM template (spec oneflow-lifecycle.md 3). */

import { GatehouseError } from "../../../shared/errors.ts";
import { templateFromJson } from "../../../shared/template/json.ts";
import type { Template, Vector } from "../../../shared/template/types.ts";
import type { Actor } from "../../cloud/actor.ts";
import type { JsonObject, JsonValue } from "../../cloud/model.ts";
import { restrictedChange } from "../../cloud/restricted.ts";
import type { Role, ServiceBody } from "../model.ts";
import { type ParentValue, withParentValues } from "./parent-values.ts";

export interface TextParts {
  readonly serviceId: number;
  readonly body: ServiceBody;
  readonly role: Role;
  readonly look: ParentValue;
}

/**
 * template_contents with the service's networks and the parents' values in their places.
 * @throws GatehouseError `bad_request` when it is no template.
 */
export function contentsOf({ body, role, look }: Omit<TextParts, "serviceId">): JsonObject {
  const contents = withParentValues(role.template_contents ?? {}, look);
  if (!isObject(contents)) return {};
  const networks = networkIds(body);
  return Object.fromEntries(
    Object.entries(contents).map(([name, value]) => {
      return [name, /^NIC(_ALIAS)?$/i.test(name) ? withNetworks(value, networks) : value];
    }),
  );
}

/**
 * The attributes that replace those of the VM template: the role's contents, the user inputs, and whose VM it is. A
 * vector of template_contents is merged into the template's one; an array replaces what is there.
 * @throws GatehouseError `bad_request` when contents are no template, `forbidden` for a restricted attribute.
 */
export function vmText(parts: TextParts, owner: Actor, source: Template): Template {
  const contents = contentsOf(parts);
  const given = templateFromJson(contents);
  const inputs = inputsOf(parts.body, parts.role);
  refuseRestricted(owner, given, source);
  refuseRestricted(owner, { ...inputs, CONTEXT: variablesOf(inputs) }, source);
  const merged = mergeInto(source, given, contents);
  return {
    ...merged,
    ...inputs,
    ...withInputs(merged.CONTEXT ?? source.CONTEXT, variablesOf(inputs)),
    SERVICE_ID: String(parts.serviceId),
    ROLE_NAME: parts.role.name,
  };
}

/** User inputs as attributes: those of the service, over which go the role's. */
function inputsOf(body: ServiceBody, role: Role): Template {
  const values = { ...body.user_inputs_values, ...role.user_inputs_values };
  const texts = Object.entries(values).map(([name, value]) => [name, inputText(value)] as const);
  return templateFromJson(Object.fromEntries(texts));
}

function inputText(value: JsonValue | undefined): string {
  if (value === undefined || value === null) return "";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** Each input reaches the guest as a variable that names the attribute; some are as restricted there as any other. */
function variablesOf(inputs: Template): Vector {
  return Object.fromEntries(Object.keys(inputs).map((name) => [name, `$${name}`]));
}

function withInputs(context: Template[string] | undefined, variables: Vector): Template {
  if (Object.keys(variables).length === 0) return {};
  const known = context !== undefined && isVector(context) ? context : {};
  return { CONTEXT: { ...known, ...variables } };
}

function mergeInto(source: Template, given: Template, contents: JsonObject): Template {
  const arrays = new Set(
    Object.keys(contents).flatMap((name) => (Array.isArray(contents[name]) ? [name.toUpperCase()] : [])),
  );
  return Object.fromEntries(
    Object.entries(given).map(([name, value]) => {
      const base = source[name];
      const merges = !arrays.has(name) && base !== undefined && isVector(base) && isVector(value);
      return [name, merges ? { ...base, ...value } : value];
    }),
  );
}

/** The ids of the service's networks, by name. */
function networkIds(body: ServiceBody): ReadonlyMap<string, string> {
  const entries = (body.networks_values ?? []).flatMap((value) => Object.entries(value));
  return new Map(
    entries.flatMap(([name, { id }]) => (id === undefined ? [] : [[`$${name}`, String(id)] as const])),
  );
}

function withNetworks(value: JsonValue, ids: ReadonlyMap<string, string>): JsonValue {
  if (isList(value)) return value.map((item) => withNetworks(item, ids));
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => {
      const id = typeof inner === "string" && /^NETWORK_ID$/i.test(name) ? ids.get(inner) : undefined;
      return [name, id ?? inner];
    }),
  );
}

function refuseRestricted(owner: Actor, given: Template, source: Template): void {
  const name = restrictedChange(owner, given, source);
  if (name === undefined) return;
  throw new GatehouseError("forbidden", `VM Template includes a restricted attribute ${name}.`);
}

function isVector(value: Template[string]): value is Vector {
  return typeof value === "object" && !Array.isArray(value);
}

function isObject(value: JsonValue): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}
