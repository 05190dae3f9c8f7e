/** The ids of VMs as the commands take them. */

import { GatehouseError } from "../../../shared/errors.ts";

/** @throws GatehouseError `bad_request`. */
export function vmIdOf(text: string): number {
  if (/^\d{1,10}$/.test(text)) return Number(text);
  throw new GatehouseError("bad_request", `"${text}" is no VM id; it is a whole number such as 0.`);
}
