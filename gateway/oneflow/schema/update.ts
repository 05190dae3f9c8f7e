/** What an update may change of a service template and of a service that runs (spec oneflow-api.md 3 and 4). */

import { isDeepStrictEqual } from "node:util";
import { GatehouseError } from "../../../shared/errors.ts";
import type { JsonObject, JsonValue } from "../../cloud/model.ts";
import { asJson, type ServiceBody, type ServiceTemplateBody } from "../model.ts";
import { attribute } from "./json.ts";
import { appendTo } from "./merge.ts";
import { checkNetworkReferences, networkReferences } from "./network-references.ts";
import { objectFrom, parseParts, parseServiceTemplate } from "./parse.ts";
import { readServiceBody } from "./read.ts";

const OF_SERVICE = [
  ...["user_inputs", "user_inputs_values", "deployment", "log", "name", "networks", "networks_values"],
  ...["ready_status_gate", "state", "start_time"],
];

/** The newest guide adds the user inputs and the type; a role's name is what it is found by. */
const OF_ROLE = [
  ...["cardinality", "last_vmname", "nodes", "parents", "state", "template_id", "type"],
  ...["user_inputs", "user_inputs_values"],
];

/** What OneFlow keeps: whoever leaves it out of an update does not mean to remove it. */
const KEPT_OF_SERVICE = ["state", "start_time", "log", "registration_time"];
const KEPT_OF_ROLE = ["state", "nodes", "last_vmname", "scale_way", "vrouter_id", "vrouter_ips"];

/**
 * A new body for a service template.
 * @param value as the caller wrote it
 * @throws GatehouseError `bad_request` as parseServiceTemplate, and for another registration_time
 */
export function parseTemplateUpdate(before: ServiceTemplateBody, value: JsonValue): ServiceTemplateBody {
  const given = objectFrom(value, "service template");
  const after = parseServiceTemplate(withKept(asJson(before), given, ["registration_time"]));
  if (before.registration_time !== after.registration_time) {
    throw immutable("service_template/registration_time");
  }
  return after;
}

/** As parseTemplateUpdate, of the template with something merged into it (appendTo). */
export function parseTemplateAppend(before: ServiceTemplateBody, append: JsonValue): ServiceTemplateBody {
  return parseTemplateUpdate(before, appendTo(asJson(before), append));
}

/**
 * A new body for a service that runs.
 * @param value as the caller wrote it, the whole body; what OneFlow keeps may be left out
 * @throws GatehouseError `bad_request`: the sentences of the schema, the first attribute that may not change, and a
 *   network that an interface newly names and the service does not declare
 */
export function parseServiceUpdate(before: ServiceBody, value: JsonValue, serviceId?: number): ServiceBody {
  const parsed = parseParts(objectFrom(value, "service"));
  const present = new Map(before.roles.map((role): [string, JsonObject] => [role.name, role]));
  const roles = parsed.roles.map((role) => withKept(present.get(role.name) ?? {}, role, KEPT_OF_ROLE));
  const after = readServiceBody(
    { ...withKept(asJson(before), asJson(parsed), KEPT_OF_SERVICE), roles },
    serviceId,
  );
  refuseChanges(before, after);
  return after;
}

/** As parseServiceUpdate, of the service with something merged into it (appendTo). */
export function parseServiceAppend(before: ServiceBody, append: JsonValue, serviceId?: number): ServiceBody {
  return parseServiceUpdate(before, appendTo(asJson(before), append), serviceId);
}

function refuseChanges(before: ServiceBody, after: ServiceBody): void {
  if (before.name !== after.name) {
    throw refusal("To change `service/name` use rename operation");
  }
  refuseOthers(asJson(before), asJson(after), OF_SERVICE, "service");
  if (before.roles.length !== after.roles.length) throw immutable("service/roles size");
  const present = new Map(before.roles.map((role) => [role.name, role]));
  for (const [index, role] of after.roles.entries()) {
    const then = present.get(role.name);
    if (then === undefined) throw immutable("role/name");
    refuseOthers(then, role, OF_ROLE, "role");
    if (!isDeepStrictEqual(networkReferences(then), networkReferences(role))) {
      checkNetworkReferences(role, after.networks, `roles[${index}].`);
    }
  }
}

function refuseOthers(
  before: JsonObject,
  after: JsonObject,
  names: readonly string[],
  subject: string,
): void {
  const changed = names.find((name) => !isDeepStrictEqual(attribute(before, name), attribute(after, name)));
  if (changed !== undefined) throw immutable(`${subject}/${changed}`);
}

function withKept(before: JsonObject, after: JsonObject, names: readonly string[]): JsonObject {
  const kept = names.filter((name) => Object.hasOwn(before, name) && !Object.hasOwn(after, name));
  return { ...after, ...Object.fromEntries(kept.map((name) => [name, attribute(before, name) ?? null])) };
}

function immutable(attributePath: string): GatehouseError {
  return refusal(`Immutable value: \`${attributePath}\` can not be changed`);
}

function refusal(sentence: string): GatehouseError {
  return new GatehouseError("bad_request", sentence);
}
