/**
 * Service templates of older OpenNebula in today's words (spec oneflow-api.md 5, "Legacy conversion"): `vm_template`,
 * `vm_template_contents`, `custom_attrs`, `custom_attrs_values`. Each role is looked at alone, so that old and new
 * stand side by side. Names of shutdown actions stay as they are.
 */

import { errorText, GatehouseError } from "../../../shared/errors.ts";
import { parseTemplate } from "../../../shared/template/parse.ts";
import { valuesOf } from "../../../shared/template/types.ts";
import type { JsonObject, JsonValue } from "../../cloud/model.ts";
import { attribute, isArray, isObject, without } from "./json.ts";

export const LEGACY_SERVICE_ATTRIBUTES = ["custom_attrs", "custom_attrs_values"];
export const LEGACY_ROLE_ATTRIBUTES = ["vm_template", "vm_template_contents", ...LEGACY_SERVICE_ATTRIBUTES];

/** When templates had `vm_template`, a role without a cardinality had one VM (seed 002). */
const CARDINALITY_THEN = 1;

/** @throws GatehouseError `bad_request` where a `vm_template_contents` is no template. */
export function modernTemplate(template: JsonObject): JsonObject {
  const renamed = withInputs(template);
  const roles = attribute(renamed, "roles");
  if (!isArray(roles)) return renamed;
  return { ...renamed, roles: roles.map((role) => (isObject(role) ? modernRole(role) : role)) };
}

/** A whole role; one of a merge, which need not say what VM template it is of, goes through modernParts. */
export function modernRole(role: JsonObject): JsonObject {
  const isOld = isOldRole(role);
  const renamed = modernParts(role);
  if (!isOld) return renamed;
  return {
    ...renamed,
    ...(attribute(renamed, "type") === undefined ? { type: "vm" } : {}),
    ...(attribute(renamed, "cardinality") === undefined ? { cardinality: CARDINALITY_THEN } : {}),
  };
}

/** The same with nothing added that was not said. */
export function modernParts(role: JsonObject): JsonObject {
  const renamed = withInputs(role);
  if (!isOldRole(role)) return renamed;
  const { vm_template: templateId, vm_template_contents: contents } = renamed;
  const rest = without(renamed, ["vm_template", "vm_template_contents"]);
  const own = attribute(rest, "template_contents");
  const read = contentsOf(role, contents);
  return {
    ...rest,
    ...(attribute(rest, "template_id") === undefined && !isBlank(templateId)
      ? { template_id: templateId }
      : {}),
    ...(read === undefined ? {} : { template_contents: isObject(own) ? { ...read, ...own } : read }),
  };
}

function isOldRole(role: JsonObject): boolean {
  return Object.hasOwn(role, "vm_template") || Object.hasOwn(role, "vm_template_contents");
}

/** Where both names are given, custom attributes win (seed 000, "Using Custom Attributes"). */
function withInputs(holder: JsonObject): JsonObject {
  const { custom_attrs: inputs, custom_attrs_values: values } = holder;
  return {
    ...without(holder, LEGACY_SERVICE_ATTRIBUTES),
    ...joined(holder, "user_inputs", inputs),
    ...joined(holder, "user_inputs_values", values),
  };
}

function joined(holder: JsonObject, name: string, older: JsonValue | undefined): JsonObject {
  if (isBlank(older)) return {};
  const own = attribute(holder, name);
  return { [name]: isObject(own) && isObject(older) ? { ...own, ...older } : older };
}

function isBlank(value: JsonValue | undefined): value is undefined | null | false {
  return value === undefined || value === null || value === false;
}

function contentsOf(role: JsonObject, contents: JsonValue | undefined): JsonObject | undefined {
  if (isBlank(contents) || contents === "") return undefined;
  if (isObject(contents)) return contents;
  if (typeof contents !== "string") throw unreadable(role, "it must be text");
  try {
    const template = parseTemplate(contents);
    const entries = Object.keys(template).map((name): [string, JsonValue] => {
      const values = valuesOf(template, name);
      const [only, second] = values;
      return [name, typeof only === "string" && second === undefined ? only : [...values]];
    });
    return Object.fromEntries(entries);
  } catch (error) {
    throw unreadable(role, errorText(error), error);
  }
}

function unreadable(role: JsonObject, reason: string, cause?: unknown): GatehouseError {
  const name = attribute(role, "name");
  const whose =
    typeof name === "string"
      ? `vm_template_contents of role '${name.slice(0, 128)}'`
      : "vm_template_contents";
  return new GatehouseError(
    "bad_request",
    `An old service template format (OpenNebula v6.x) was detected, and its ${whose} cannot be read: ${reason}`,
    { cause },
  );
}
