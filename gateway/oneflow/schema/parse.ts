/** From JSON to the values of model.ts: service templates and roles, checked as a whole. */

import { GatehouseError } from "../../../shared/errors.ts";
import type { JsonObject, JsonValue } from "../../cloud/model.ts";
import type { Role, RoleTemplate, ServiceTemplateBody } from "../model.ts";
import { inOrderOf, isDeeperThan, isObject, kindOf } from "./json.ts";
import { parseJsonText } from "./json-text.ts";
import { MAX_JSON_DEPTH } from "./limits.ts";
import { checkNetworkReferences } from "./network-references.ts";
import { checkNewParents, checkParents } from "./parents.ts";
import { prepareRole, prepareTemplate } from "./prepare.ts";
import { checkRole } from "./role-rules.ts";
import { refusalOf } from "./sentences.ts";
import { roleSchema, serviceTemplateSchema } from "./service-schema.ts";

/** What a role joins. */
export interface RoleSurroundings {
  readonly roles: readonly Pick<Role, "name">[];
  readonly networks?: JsonObject;
}

/**
 * A service template as somebody wrote it, in today's or older words; what is missing is filled in, what is not known
 * stays (unknownAttributes tells it).
 * @throws GatehouseError `bad_request`: the sentences of spec oneflow-api.md 5, or the place of a parent or a network
 *   that there is not
 */
export function parseServiceTemplate(value: JsonValue): ServiceTemplateBody {
  const template = parseParts(value);
  checkParents(template.roles);
  for (const [index, role] of template.roles.entries()) {
    checkNetworkReferences(role, template.networks, `roles[${index}].`);
  }
  return template;
}

/** The same without what holds for templates only: the roles of a service may have outlived their parents. */
export function parseParts(value: JsonValue): ServiceTemplateBody {
  const prepared = prepareTemplate(objectFrom(value, "service template"));
  const parsed = serviceTemplateSchema.safeParse(prepared);
  if (!parsed.success) throw refusalOf(parsed.error, prepared);
  const template: ServiceTemplateBody = inOrderOf(prepared, parsed.data);
  const repeated = repeatedName(template.roles);
  if (repeated !== undefined) throw repeated;
  for (const role of template.roles) checkRole(role);
  return template;
}

/**
 * A role for a service that runs.
 * @param value an object, or JSON text of one
 * @throws GatehouseError as parseServiceTemplate, and "Role x already exists"
 */
export function parseRole(value: JsonValue, service: RoleSurroundings): RoleTemplate {
  const given = typeof value === "string" ? parseJsonText(value) : value;
  const prepared = prepareRole(objectFrom(given, "role"));
  const parsed = roleSchema.safeParse(prepared);
  if (!parsed.success) throw refusalOf(parsed.error, prepared);
  const role: RoleTemplate = inOrderOf(prepared, parsed.data);
  const others = service.roles.map(({ name }) => name);
  if (others.includes(role.name)) {
    throw new GatehouseError("conflict", `Role ${role.name} already exists`);
  }
  checkRole(role);
  checkNewParents(role, others);
  checkNetworkReferences(role, service.networks, "");
  return role;
}

/** @throws GatehouseError `bad_request` for what is no object, or nested too deep */
export function objectFrom(value: JsonValue | undefined, what: string): JsonObject {
  if (isDeeperThan(MAX_JSON_DEPTH, value)) {
    throw new GatehouseError(
      "bad_request",
      `The ${what} is nested deeper than the ${MAX_JSON_DEPTH} levels allowed.`,
    );
  }
  if (isObject(value)) return value;
  throw new GatehouseError("bad_request", `The ${what} must be a JSON object, not ${kindOf(value)}.`);
}

/** The refusal of a name that two roles have: what is done to a role is done by its name. */
export function repeatedName(roles: readonly { readonly name: string }[]): GatehouseError | undefined {
  const seen = new Set<string>();
  for (const { name } of roles) {
    if (seen.has(name)) return new GatehouseError("bad_request", `Role name '${name}' is repeated`);
    seen.add(name);
  }
  return undefined;
}
