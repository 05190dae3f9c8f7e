/** Service templates for tests of the schema. */

import type { JsonObject, JsonValue } from "../../gateway/cloud/model.ts";
import { parseServiceTemplate } from "../../gateway/oneflow/schema/parse.ts";
import { isGatehouseError } from "../../shared/errors.ts";

/** A role of VMs, with or without more. */
export function vmRole(name: string, more: JsonObject = {}): JsonObject {
  return { name, type: "vm", template_id: 0, cardinality: 1, ...more };
}

/** A service template of these roles. */
export function template(roles: readonly JsonValue[], more: JsonObject = {}): JsonObject {
  return { name: "web", roles, ...more };
}

/** The sentence that a call is refused with; undefined when it is not. Any other error is thrown on. */
export function refusalOf(call: () => unknown): string | undefined {
  try {
    call();
    return undefined;
  } catch (error) {
    if (isGatehouseError(error)) return error.message;
    throw error;
  }
}

/** The same of a template that is parsed. */
export function refusalOfTemplate(value: JsonValue): string | undefined {
  return refusalOf(() => parseServiceTemplate(value));
}
