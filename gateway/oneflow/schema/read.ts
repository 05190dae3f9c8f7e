/**
 * Bodies as documents hold them, whoever wrote them: also older OpenNebula, with states and numbers as text and names
 * of that time. What the life cycle needs and is not there is filled in; the rest stays as it is.
 */

import { GatehouseError, isGatehouseError } from "../../../shared/errors.ts";
import type { JsonObject, JsonValue } from "../../cloud/model.ts";
import type { ServiceBody, ServiceTemplateBody } from "../model.ts";
import { attribute, inOrderOf, isArray, isDeeperThan, isObject } from "./json.ts";
import { MAX_JSON_DEPTH } from "./limits.ts";
import { repeatedName } from "./parse.ts";
import { prepareTemplate } from "./prepare.ts";
import { serviceBodySchema } from "./running-schema.ts";
import { refusalOf } from "./sentences.ts";
import { serviceTemplateSchema } from "./service-schema.ts";

/** Older documents hold these with an empty text where nothing was chosen. */
const MAY_BE_EMPTY = ["shutdown_action", "min_vms", "max_vms", "cooldown", "parents"];

/**
 * The body of a document of type 100.
 * @param serviceId for refusals
 * @throws GatehouseError `bad_request` ("Service 7 is empty.") when it holds no service
 */
export function readServiceBody(json: JsonObject | undefined, serviceId?: number): ServiceBody {
  const subject = serviceId === undefined ? "The service" : `Service ${serviceId}`;
  const prepared = prepare(json, subject);
  const parsed = serviceBodySchema.safeParse(prepared);
  if (!parsed.success) throw unreadable(subject, refusalOf(parsed.error, prepared));
  const repeated = repeatedName(parsed.data.roles);
  if (repeated !== undefined) throw unreadable(subject, repeated);
  return inOrderOf(prepared, parsed.data);
}

/**
 * The body of a document of type 101, as it was taken: what a new template must also fulfil is not asked here.
 * @throws GatehouseError `bad_request` ("Service template 7 is empty.") when it holds no service template
 */
export function readTemplateBody(json: JsonObject | undefined, templateId?: number): ServiceTemplateBody {
  const subject = templateId === undefined ? "The service template" : `Service template ${templateId}`;
  const prepared = prepare(json, subject);
  const parsed = serviceTemplateSchema.safeParse(prepared);
  if (!parsed.success) throw unreadable(subject, refusalOf(parsed.error, prepared));
  return inOrderOf(prepared, parsed.data);
}

function prepare(json: JsonObject | undefined, subject: string): JsonObject {
  if (json === undefined || !isArray(attribute(json, "roles"))) {
    throw new GatehouseError("bad_request", `${subject} is empty.`);
  }
  if (isDeeperThan(MAX_JSON_DEPTH, json)) {
    throw new GatehouseError(
      "bad_request",
      `${subject} cannot be read: it is nested deeper than ${MAX_JSON_DEPTH} levels.`,
    );
  }
  try {
    const modern = prepareTemplate(withoutEmpty(json));
    const roles = attribute(modern, "roles");
    return { ...modern, ...(isArray(roles) ? { roles: roles.map(ofSomeType) } : {}) };
  } catch (error) {
    throw isGatehouseError(error) ? unreadable(subject, error) : error;
  }
}

function withoutEmpty(json: JsonObject): JsonObject {
  const roles = attribute(json, "roles");
  const kept = (object: JsonObject) =>
    Object.fromEntries(
      Object.entries(object).filter(([name, value]) => value !== "" || !MAY_BE_EMPTY.includes(name)),
    );
  if (!isArray(roles)) return kept(json);
  return { ...kept(json), roles: roles.map((role) => (isObject(role) ? kept(role) : role)) };
}

/** Before there were routers every role was of VMs. */
function ofSomeType(role: JsonValue): JsonValue {
  return isObject(role) && attribute(role, "type") === undefined ? { ...role, type: "vm" } : role;
}

function unreadable(subject: string, cause: GatehouseError): GatehouseError {
  return new GatehouseError("bad_request", `${subject} cannot be read: ${cause.message}`, { cause });
}
