/** Actions at times to come on the VMs of a role, or of every role (spec oneflow-api.md 3, "Schedule actions"). */

import { GatehouseError } from "../../../shared/errors.ts";
import type { JsonObject, JsonValue } from "../../cloud/model.ts";
import type { RoleSchedule } from "../engine/oneflow.ts";
import { attribute, isArray } from "../schema/json.ts";
import { integerParam, notSupported } from "./action.ts";

const CURRENT = [
  "terminate",
  "terminate-hard",
  "undeploy",
  "undeploy-hard",
  "hold",
  "release",
  "stop",
  "suspend",
  "resume",
  "reboot",
  "reboot-hard",
  "poweroff",
  "poweroff-hard",
  "snapshot-create",
  "snapshot-revert",
  "snapshot-delete",
  "disk-snapshot-create",
  "disk-snapshot-revert",
  "disk-snapshot-delete",
] as const;

/** Names of seed 002, and what they are called today. */
const OLDER = {
  shutdown: "terminate",
  "shutdown-hard": "terminate-hard",
  delete: "terminate-hard",
  boot: "resume",
} as const;

/** Every one of a service's roles. */
export const SERVICE_SCHEDULES: ReadonlyMap<string, string> = new Map(CURRENT.map((name) => [name, name]));

/** A role also takes what the core takes: recorded. */
export const ROLE_SCHEDULES: ReadonlyMap<string, string> = new Map([
  ...SERVICE_SCHEDULES,
  ...Object.entries(OLDER),
  ["resched", "resched"],
  ["unresched", "unresched"],
]);

/** @throws GatehouseError `bad_request` for an action that the table has not, and for bad values */
export function scheduleOf(
  table: ReadonlyMap<string, string>,
  perform: string,
  params: JsonObject,
): RoleSchedule {
  const action = table.get(perform);
  if (action === undefined) throw notSupported(perform);
  return {
    action,
    args: argsOf(attribute(params, "args")),
    period: positive(params, "period"),
    number: positive(params, "number"),
  };
}

/** Seconds may be 0: then all go at once. */
function positive(params: JsonObject, name: "period" | "number"): number | undefined {
  const value = integerParam(params, name);
  const least = name === "number" ? 1 : 0;
  if (value === undefined || value >= least) return value;
  throw new GatehouseError("bad_request", `The parameter ${name} must be at least ${least}, not ${value}.`);
}

/** `snapname`, or several with commas between them. */
function argsOf(value: JsonValue | undefined): string | undefined {
  if (value === undefined || value === null) return undefined;
  const parts = isArray(value) ? value : [value];
  if (parts.every((part) => typeof part === "string" || typeof part === "number")) return parts.join(",");
  throw new GatehouseError("bad_request", "The parameter args must be text, or a list of texts.");
}
