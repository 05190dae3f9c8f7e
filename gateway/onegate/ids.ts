/** Ids that a guest must write as such. */

import { GatehouseError } from "../../shared/errors.ts";
import { exactId, shown } from "../http/ids.ts";

/** As `exactId`. @throws GatehouseError `bad_request` in the words recorded for /vnet/abc. */
export function requireId(text: string): number {
  const id = exactId(text);
  if (id === undefined) {
    throw new GatehouseError("bad_request", `Invalid id format (ID: ${shown(text)}). ID must be an integer.`);
  }
  return id;
}
