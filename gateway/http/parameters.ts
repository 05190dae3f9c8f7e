/** Query strings and urlencoded forms as values; nothing is guessed, whatever is malformed is refused. */

import { GatehouseError } from "../../shared/errors.ts";
import { shown } from "./ids.ts";

const MAX_PARAMETERS = 100;

/** Every value of each name, in order. */
export type Parameters = ReadonlyMap<string, readonly string[]>;

export const NO_PARAMETERS: Parameters = new Map();

/**
 * Parses `a=1&b=2`.
 * @throws GatehouseError `bad_request` for malformed percent-encoding (spec onegate-api.md 3), text that is not
 *   UTF-8, and too many parameters.
 */
export function parseParameters(text: string): Parameters {
  const parameters = new Map<string, string[]>();
  const pairs = text.split("&", MAX_PARAMETERS + 1).filter((pair) => pair !== "");
  if (pairs.length > MAX_PARAMETERS) {
    throw new GatehouseError("bad_request", `More than ${MAX_PARAMETERS} parameters are not taken.`);
  }
  for (const pair of pairs) {
    const equals = pair.indexOf("=");
    const name = decode(equals < 0 ? pair : pair.slice(0, equals));
    const value = equals < 0 ? "" : decode(pair.slice(equals + 1));
    const values = parameters.get(name);
    if (values === undefined) parameters.set(name, [value]);
    else values.push(value);
  }
  return parameters;
}

/** The value of a parameter that may be given once. @throws GatehouseError `bad_request` when it is given more often. */
export function singleParameter(parameters: Parameters, name: string): string | undefined {
  const values = parameters.get(name) ?? [];
  if (values.length > 1) {
    throw new GatehouseError(
      "bad_request",
      `Parameter ${name} is given ${values.length} times; give it once.`,
    );
  }
  return values[0];
}

/**
 * A parameter from the query or the form.
 * @throws GatehouseError `bad_request` when it is repeated, or when the two disagree: whichever we chose, someone
 *   between the guest and us may have read the other.
 */
export function agreedParameter(query: Parameters, form: Parameters, name: string): string | undefined {
  const inQuery = singleParameter(query, name);
  const inForm = singleParameter(form, name);
  if (inQuery !== undefined && inForm !== undefined && inQuery !== inForm) {
    throw new GatehouseError("bad_request", `Parameter ${name} differs between the query and the body.`);
  }
  return inForm ?? inQuery;
}

function decode(text: string): string {
  const malformed = /%(?![0-9A-Fa-f]{2})/.test(text);
  if (malformed) {
    throw new GatehouseError("bad_request", `Invalid query parameters: invalid %-encoding (${shown(text)})`);
  }
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    throw new GatehouseError("bad_request", `Invalid query parameters: not UTF-8 (${shown(text)})`);
  }
}
