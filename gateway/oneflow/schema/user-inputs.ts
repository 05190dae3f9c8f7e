/**
 * One user input: its declaration `M|range|Description|512..8192|2048` (mandatory M or optional O, type, description,
 * options, default), and whether a value fits it.
 */

import type { JsonValue } from "../../cloud/model.ts";

export const WRONG_INPUTS = "Wrong User Inputs or User Inputs Values format";

export interface UserInput {
  readonly isMandatory: boolean;
  /** Types not known are texts. */
  readonly type: string;
  readonly options: string;
  readonly fallback: string | undefined;
}

const WHOLE = /^[+-]?[0-9]{1,30}$/;
const DECIMAL = /^[+-]?(?:[0-9]{1,30}(?:\.[0-9]{0,30})?|\.[0-9]{1,30})(?:e[+-]?[0-9]{1,3})?$/i;
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

/** Of the options, in a refusal. */
const MAX_OPTIONS_SHOWN = 200;

/** Undefined for what is no declaration. */
export function parseUserInput(declaration: JsonValue): UserInput | undefined {
  if (typeof declaration !== "string") return undefined;
  const [necessity = "", type = "", , options = "", ...rest] = declaration.split("|");
  const isMandatory = necessity.trim().toUpperCase() === "M";
  if (!isMandatory && necessity.trim().toUpperCase() !== "O") return undefined;
  const fallback = rest.join("|").trim();
  return {
    isMandatory,
    type: type.trim().toLowerCase(),
    options: options.trim(),
    fallback: fallback === "" ? undefined : fallback,
  };
}

/**
 * What a value must be and is not ("a whole number from 512 to 8192"); undefined when it fits. Values are texts,
 * numbers, or booleans; an optional one may be empty.
 */
export function misfit(input: UserInput, value: string | number | boolean): string | undefined {
  const text = String(value);
  if (text === "" && !input.isMandatory) return undefined;
  switch (input.type) {
    case "number":
      return WHOLE.test(text) ? undefined : "a whole number";
    case "number-float":
      return DECIMAL.test(text) ? undefined : "a number";
    case "range":
      return outOfRange(input, text, WHOLE, "a whole number");
    case "range-float":
      return outOfRange(input, text, DECIMAL, "a number");
    case "list":
      return choices(input).has(text.trim()) ? undefined : `one of ${shown(input)}`;
    case "list-multiple": {
      const allowed = choices(input);
      const isChosen = text.split(",").every((part) => allowed.has(part.trim()));
      return isChosen ? undefined : `some of ${shown(input)}, with commas between them`;
    }
    case "boolean":
      return /^(?:yes|no|true|false)$/i.test(text) ? undefined : "YES or NO";
    case "fixed":
      return text === (input.fallback ?? text) ? undefined : `${input.fallback}, which is fixed`;
    case "text64":
      return BASE64.test(text.replace(/\s+/g, "")) ? undefined : "text in base64";
    default:
      return undefined;
  }
}

function choices({ options }: UserInput): ReadonlySet<string> {
  return new Set(options.split(",").map((option) => option.trim()));
}

function shown(input: UserInput): string {
  const all = [...choices(input)].join(", ");
  return all.length > MAX_OPTIONS_SHOWN ? `${all.slice(0, MAX_OPTIONS_SHOWN)}...` : all;
}

/** A range that cannot be read bounds nothing. */
function outOfRange({ options }: UserInput, text: string, form: RegExp, what: string): string | undefined {
  const [least, most, ...more] = options.split("..").map((bound) => bound.trim());
  const isBounded =
    least !== undefined &&
    most !== undefined &&
    more.length === 0 &&
    DECIMAL.test(least) &&
    DECIMAL.test(most);
  const rule = isBounded ? `${what} from ${least} to ${most}` : what;
  if (!form.test(text)) return rule;
  return isBounded && (Number(text) < Number(least) || Number(text) > Number(most)) ? rule : undefined;
}
