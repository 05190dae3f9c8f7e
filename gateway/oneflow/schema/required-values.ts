/**
 * What a service template asks of the one who makes a service of it (spec oneflow-api.md 4, "Checks"): values of its
 * user inputs, of those of its roles, and of its networks. Defaults stand in for what is not given.
 */

import { GatehouseError } from "../../../shared/errors.ts";
import type { JsonObject, JsonValue } from "../../cloud/model.ts";
import type { RoleTemplate, ServiceTemplateBody } from "../model.ts";
import { attribute } from "./json.ts";
import { requireNetworks } from "./required-networks.ts";
import { misfit, parseUserInput, type UserInput, WRONG_INPUTS } from "./user-inputs.ts";

interface Sentences {
  readonly noValues: string;
  readonly wrongFormat: string;
  /** @param names that have no value */
  readonly missing: (names: readonly string[]) => string;
  /** "User Input ATT_A" */
  readonly place: string;
}

const OF_SERVICE: Sentences = {
  noValues: "The Service template specifies User Inputs but no values have been found",
  wrongFormat: WRONG_INPUTS,
  missing: () => "Verify that every User Input have its corresponding value defined",
  place: "User Input",
};

/**
 * The template with each value it needs: `user_inputs_values` of the service and of its roles, and `networks_values`.
 * A role's input takes the role's value, then the default of the role's input, then the service's value of that name.
 * @param template merged and parsed (mergeTemplate)
 * @throws GatehouseError `bad_request`: a value is missing, or does not fit its input
 */
export function requireValues(template: ServiceTemplateBody): ServiceTemplateBody {
  const inputs = filled(template, {}, OF_SERVICE);
  const roles = template.roles.map((role) => withValues(role, inputs ?? {}));
  const networks = requireNetworks(template);
  return {
    ...template,
    roles,
    ...(inputs === undefined ? {} : { user_inputs_values: inputs }),
    ...(networks === undefined ? {} : { networks_values: networks }),
  };
}

/**
 * A role that joins a service that runs, with the values that it needs.
 * @throws GatehouseError as requireValues
 */
export function requireRoleValues(
  role: RoleTemplate,
  service: Pick<ServiceTemplateBody, "user_inputs_values">,
): RoleTemplate {
  return withValues(role, service.user_inputs_values ?? {});
}

function withValues(role: RoleTemplate, ofService: JsonObject): RoleTemplate {
  const values = filled(role, ofService, {
    noValues: `The Service template specifies User Inputs for the role ${role.name} but no values have been found`,
    wrongFormat: `${WRONG_INPUTS} in role '${role.name}'`,
    missing: (names) =>
      `Verify that every User Input of role '${role.name}' have its corresponding value defined: ${names.join(", ")}`,
    place: `Role '${role.name}', User Input`,
  });
  return values === undefined ? role : { ...role, user_inputs_values: values };
}

interface Asking {
  readonly user_inputs?: JsonObject;
  readonly user_inputs_values?: JsonObject;
}

/** The values given and those by default; undefined when there are none at all. */
function filled(asking: Asking, inherited: JsonObject, sentences: Sentences): JsonObject | undefined {
  const { user_inputs: declared = {}, user_inputs_values: given } = asking;
  const values = new Map(Object.entries(given ?? {}));
  const missing: string[] = [];
  for (const [name, declaration] of Object.entries(declared)) {
    const input = parseUserInput(declaration);
    if (input === undefined) throw refusal(sentences.wrongFormat);
    const own = values.get(name) ?? input.fallback;
    const value = own ?? attribute(inherited, name) ?? null;
    if (value === null) {
      if (input.isMandatory) missing.push(name);
      continue;
    }
    checkValue(input, name, value, sentences);
    if (own !== undefined && own !== null) values.set(name, own);
  }
  if (missing.length > 0)
    throw refusal(given === undefined ? sentences.noValues : sentences.missing(missing));
  return values.size === 0 && given === undefined ? undefined : Object.fromEntries(values);
}

function checkValue(
  input: UserInput,
  name: string,
  value: JsonValue,
  { place, wrongFormat }: Sentences,
): void {
  if (typeof value === "object" && value !== null) throw refusal(wrongFormat);
  if (value === null) return;
  const rule = misfit(input, value);
  if (rule === undefined) return;
  const shown = input.type === "password" ? "" : `, not ${JSON.stringify(String(value).slice(0, 40))}`;
  throw refusal(`${place} ${name} must be ${rule}${shown}.`);
}

function refusal(sentence: string): GatehouseError {
  return new GatehouseError("bad_request", sentence);
}
