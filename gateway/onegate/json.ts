/** JSON from guests: bounded in depth before it is parsed (its size is the body's), refused in the recorded words. */

import { GatehouseError } from "../../shared/errors.ts";
import type { JsonValue } from "../cloud/model.ts";
import { shown } from "../http/ids.ts";

const MAX_JSON_DEPTH = 20;

const MAX_QUOTED_CHARACTERS = 100;

/** @throws GatehouseError `bad_request` for what is no JSON, or nested deeper than anything we take. */
export function parseJson(text: string): JsonValue {
  if (nesting(text) > MAX_JSON_DEPTH) {
    throw new GatehouseError(
      "bad_request",
      `Error parsing JSON: nested deeper than ${MAX_JSON_DEPTH} levels`,
    );
  }
  try {
    const value: JsonValue = JSON.parse(text);
    return value;
  } catch (cause) {
    throw new GatehouseError("bad_request", `unexpected token at '${shown(text, MAX_QUOTED_CHARACTERS)}'`, {
      cause,
    });
  }
}

/** How deep brackets go, strings passed over; for text that is no JSON any number will do. */
function nesting(text: string): number {
  let depth = 0;
  let deepest = 0;
  let quoted = false;
  for (let index = 0; index < text.length; index += 1) {
    const character = text[index];
    if (quoted) {
      if (character === "\\") index += 1;
      else if (character === '"') quoted = false;
    } else if (character === '"') quoted = true;
    else if (character === "{" || character === "[") deepest = Math.max(deepest, ++depth);
    else if (character === "}" || character === "]") depth -= 1;
  }
  return deepest;
}
