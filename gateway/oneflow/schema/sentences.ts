/** What zod found wrong, in the sentences that OpenNebula answers with (spec oneflow-api.md 5, "Validation messages"). */

import type { z } from "zod";
import { GatehouseError } from "../../../shared/errors.ts";
import { isSecretName, REDACTED } from "../../../shared/redact.ts";
import type { JsonObject, JsonValue } from "../../cloud/model.ts";
import { NOT_ARRAY, NOT_OBJECT, NOT_TEXT, NOT_WHOLE } from "./attributes.ts";
import { attribute, isArray, isObject } from "./json.ts";
import { MAX_FAULTS_TOLD, MAX_SHOWN } from "./limits.ts";

export const WRONG_NETWORKS_VALUES = "Wrong networks_values format";

type Issue = z.core.$ZodIssue;

const KIND: ReadonlyMap<string, string> = new Map([
  [NOT_TEXT, "string"],
  [NOT_ARRAY, "array"],
  [NOT_OBJECT, "object"],
  [NOT_WHOLE, "integer"],
]);

/** What the original has already filled in where it misses an attribute: it shows the object as it is by then. */
const FILLED_BEFORE: ReadonlyMap<string, JsonObject> = new Map([
  ["roles", { deployment: "none", description: "" }],
  ["template_id", { cardinality: 0 }],
]);

/** Values of these are told to nobody: they hold passwords. */
const HIDDEN = ["user_inputs_values", "custom_attrs_values"];

/** @param value what was read, for the objects that lack something */
export function refusalOf(error: z.ZodError, value: JsonValue): GatehouseError {
  const [first] = error.issues;
  const alone = first === undefined ? undefined : sentenceAlone(first, value);
  const faults = error.issues
    .filter((issue) => sentenceAlone(issue, value) === undefined)
    .map((issue) => `KEY: '${keyOf(issue)}' ${issue.message}`);
  const told = [...new Set(faults)].slice(0, MAX_FAULTS_TOLD).join(" ");
  return new GatehouseError("bad_request", alone ?? told, { cause: error });
}

/** The sentences that stand for themselves. */
function sentenceAlone(issue: Issue, value: JsonValue): string | undefined {
  const [top, ...below] = issue.path;
  if (top === "networks_values" && below.length > 0) return WRONG_NETWORKS_VALUES;
  const key = keyOf(issue);
  const holder = at(value, issue.path.slice(0, -1));
  if (!isObject(holder)) return undefined;
  const given = attribute(holder, key);
  if (given === undefined) return missing(key, KIND.get(issue.message) ?? "string", holder);
  return issue.code === "invalid_union" && key === "type"
    ? `Unsupported role type ${shown(given)}`
    : undefined;
}

function missing(key: string, kind: string, holder: JsonObject): string {
  const filled = { ...holder };
  for (const [name, value] of Object.entries(FILLED_BEFORE.get(key) ?? {})) filled[name] ??= value;
  return `Mandatory document key '${key} (${kind})' is missing from ${shown(filled)}`;
}

function keyOf(issue: Issue): string {
  return issue.path.findLast((part) => typeof part === "string") ?? "";
}

function at(value: JsonValue, path: readonly PropertyKey[]): JsonValue | undefined {
  let found: JsonValue | undefined = value;
  for (const part of path) {
    if (isArray(found)) found = typeof part === "number" ? found[part] : undefined;
    else found = isObject(found) ? attribute(found, String(part)) : undefined;
  }
  return found;
}

/** As JSON, without secrets, and cut. */
function shown(value: JsonValue): string {
  const json = JSON.stringify(value, (name, any: unknown) => {
    const isHidden = HIDDEN.includes(name) || (typeof any === "string" && isSecretName(name));
    return isHidden ? REDACTED : any;
  });
  return json.length > MAX_SHOWN ? `${json.slice(0, MAX_SHOWN)}...` : json;
}
