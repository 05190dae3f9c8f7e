/** Asks the person at the terminal for what a template wants to know, and nobody has told yet. */

import { printableCell } from "../one/format.ts";
import { isObject, type JsonObject } from "./json-input.ts";
import { listAt, networkValue, objectAt, withInput, withNetwork } from "./merge-template.ts";
import type { Person } from "./person.ts";

/** `M|range|Description|512..8192|2048`: mandatory or optional, type, description, options, default. */
interface Declaration {
  readonly isMandatory: boolean;
  readonly type: string;
  readonly description: string;
  readonly options: string;
  readonly fallback: string;
}

/** `given` with the answers: of the service's inputs, of its roles', and of its networks. */
export async function askedValues(
  person: Person,
  template: JsonObject,
  given: JsonObject,
): Promise<JsonObject> {
  let merge = await askInputs(person, template, given, undefined);
  for (const role of listAt(template, "roles")) {
    if (isObject(role) && typeof role.name === "string")
      merge = await askInputs(person, role, merge, role.name);
  }
  return await askNetworks(person, template, merge);
}

async function askInputs(
  person: Person,
  template: JsonObject,
  given: JsonObject,
  role: string | undefined,
): Promise<JsonObject> {
  let merge = given;
  const known = {
    ...objectAt(template, "user_inputs_values"),
    ...objectAt(targetOf(given, role), "user_inputs_values"),
  };
  for (const [name, text] of Object.entries(objectAt(template, "user_inputs"))) {
    const declared = declarationOf(text);
    if (declared === undefined || declared.type === "fixed" || Object.hasOwn(known, name)) continue;
    const answer = await ask(person, role === undefined ? name : `${role}.${name}`, declared);
    // A template keeps such a text in base64.
    const value = declared.type === "text64" ? Buffer.from(answer, "utf8").toString("base64") : answer;
    if (answer !== "") merge = withInput(merge, role, name, value);
  }
  return merge;
}

function targetOf(merge: JsonObject, role: string | undefined): JsonObject {
  if (role === undefined) return merge;
  const found = listAt(merge, "roles").find((each) => isObject(each) && each.name === role);
  return isObject(found) ? found : {};
}

async function askNetworks(person: Person, template: JsonObject, given: JsonObject): Promise<JsonObject> {
  let merge = given;
  const values = [...listAt(template, "networks_values"), ...listAt(given, "networks_values")];
  for (const [name, text] of Object.entries(objectAt(template, "networks"))) {
    const declared = declarationOf(text);
    if (declared === undefined || values.some((each) => isObject(each) && Object.hasOwn(each, name)))
      continue;
    const hint = "id of a network, or template_id:1, or reserve_from:2";
    for (;;) {
      const answer = await ask(person, `Network ${name}`, { ...declared, options: hint });
      if (answer === "") break;
      const value = networkValue(answer);
      if (value === undefined) continue;
      merge = withNetwork(merge, name, value);
      break;
    }
  }
  return merge;
}

/** Empty when the default, or nothing, is meant; asked again where that cannot be. */
async function ask(person: Person, name: string, declared: Declaration): Promise<string> {
  const { description, options, fallback, isMandatory, type } = declared;
  const secret = type === "password";
  const parts = [
    name,
    ...(description === "" ? [] : [` (${description})`]),
    ...(options === "" ? [] : [` {${options}}`]),
    ...(fallback === "" || secret ? [] : [` [${fallback}]`]),
    ...(isMandatory || fallback !== "" ? [] : [" [none]"]),
  ];
  for (;;) {
    const answer = (await person.ask(`${printableCell(parts.join(""))}: `, { secret })).trim();
    if (answer !== "" || fallback !== "" || !isMandatory) return answer;
  }
}

function declarationOf(text: unknown): Declaration | undefined {
  if (typeof text !== "string") return undefined;
  const [necessity = "", type = "", description = "", options = "", ...rest] = text
    .split("|")
    .map((part) => part.trim());
  return {
    isMandatory: necessity.toUpperCase() === "M",
    type: type.toLowerCase(),
    description,
    options,
    fallback: rest.join("|"),
  };
}
