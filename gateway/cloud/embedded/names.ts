/** Names of objects: checked once, with OpenNebula's limits. */

import { GatehouseError } from "../../../shared/errors.ts";

/** OpenNebula's column width. */
const MAX_NAME_LENGTH = 128;

/** @throws GatehouseError `bad_request` for empty, over-long or control-character names. */
export function checkName(name: string): string {
  if (name === "") throw new GatehouseError("bad_request", "Invalid NAME, it cannot be empty.");
  if (name.length > MAX_NAME_LENGTH) {
    throw new GatehouseError("bad_request", `Invalid NAME, max length is ${MAX_NAME_LENGTH} characters.`);
  }
  for (const character of name) {
    if (character < " " || character === "\u007f") {
      throw new GatehouseError("bad_request", "Invalid NAME, it must not hold control characters.");
    }
  }
  return name;
}
