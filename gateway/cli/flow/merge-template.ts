/** What `instantiate` merges into a template: values of networks and of user inputs, added to those of a file. */

import { GatehouseError } from "../../../shared/errors.ts";
import { isObject, type JsonObject } from "./json-input.ts";

/** `Public=0`, `Private=template_id:1:SIZE=10`, `Private=reserve_from:2:SIZE=5`. @throws GatehouseError `bad_request`. */
export function withNetworks(merge: JsonObject, networks: readonly string[]): JsonObject {
  return networks.reduce((all, text) => {
    const at = text.indexOf("=");
    const value = at < 1 ? undefined : networkValue(text.slice(at + 1));
    if (value !== undefined) return withNetwork(all, text.slice(0, at), value);
    throw new GatehouseError(
      "bad_request",
      `--network "${text}" is no network: it looks like Public=0, Private=template_id:1 or Private=reserve_from:2:SIZE=5.`,
    );
  }, merge);
}

/** `0`, `template_id:1`, `reserve_from:2:SIZE=5`; undefined for anything else. */
export function networkValue(text: string): JsonObject | undefined {
  const [, way = "id", id, extra] =
    /^(?:(id|template_id|reserve_from):)?(\d{1,10})(?::(.+))?$/s.exec(text.trim()) ?? [];
  if (id === undefined) return undefined;
  return { [way]: id, ...(extra === undefined ? {} : { extra }) };
}

/** The later value of a network is the one that counts. */
export function withNetwork(merge: JsonObject, name: string, value: JsonObject): JsonObject {
  const others = listAt(merge, "networks_values").filter(
    (each) => !isObject(each) || !Object.hasOwn(each, name),
  );
  return { ...merge, networks_values: [...others, { [name]: value }] };
}

/** `NAME=value` of the service, `role.NAME=value` of a role. @throws GatehouseError `bad_request`. */
export function withInputs(merge: JsonObject, inputs: readonly string[]): JsonObject {
  return inputs.reduce((all, text) => {
    const [, role, name, value] = /^(?:(\w+)\.)?([^=.]+)=(.*)$/s.exec(text) ?? [];
    if (name !== undefined && value !== undefined) return withInput(all, role, name, value);
    // The value may be a secret: it is not repeated.
    throw new GatehouseError(
      "bad_request",
      "--input is no user input: it looks like NAME=value or role.NAME=value.",
    );
  }, merge);
}

/** `role` undefined: of the service. */
export function withInput(
  merge: JsonObject,
  role: string | undefined,
  name: string,
  value: string,
): JsonObject {
  if (role === undefined)
    return { ...merge, user_inputs_values: { ...objectAt(merge, "user_inputs_values"), [name]: value } };
  const roles = listAt(merge, "roles");
  const at = roles.findIndex((each) => isObject(each) && each.name === role);
  const found = roles[at];
  const changed = withInput(isObject(found) ? found : { name: role }, undefined, name, value);
  return { ...merge, roles: at < 0 ? [...roles, changed] : roles.with(at, changed) };
}

export function objectAt(object: JsonObject, name: string): JsonObject {
  const value = Object.hasOwn(object, name) ? object[name] : undefined;
  return isObject(value) ? value : {};
}

export function listAt(object: JsonObject, name: string): readonly unknown[] {
  const value = Object.hasOwn(object, name) ? object[name] : undefined;
  return Array.isArray(value) ? value : [];
}
