/** Ids that a guest must write as such. */

import { GatehouseError } from "../../shared/errors.ts";
import { exactId, shown } from "../http/ids.ts";

/**
 * The integer that the text writes exactly. A negative one is well-formed and names nothing: so recorded for /vnet/-1.
 * @throws GatehouseError `bad_request` in the words recorded for /vnet/abc.
 */
export function requireInteger(text: string): number {
  const isNegative = text.startsWith("-");
  const id = exactId(isNegative ? text.slice(1) : text);
  if (id === undefined || (isNegative && id === 0)) {
    throw new GatehouseError("bad_request", `Invalid id format (ID: ${shown(text)}). ID must be an integer.`);
  }
  return isNegative ? -id : id;
}
