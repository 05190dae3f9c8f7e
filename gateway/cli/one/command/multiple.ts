/** --multiple: how many are made, and what each is called. */

import { GatehouseError } from "../../../../shared/errors.ts";

export const MAX_MULTIPLE = 1000;

/** @throws GatehouseError `bad_request` for anything but 1 to MAX_MULTIPLE. */
export function countOf(text: string | undefined): number {
  if (text === undefined) return 1;
  const count = Number(text);
  if (/^\d{1,4}$/.test(text) && count >= 1 && count <= MAX_MULTIPLE) return count;
  throw new GatehouseError(
    "bad_request",
    `--multiple is "${text}"; it is a number from 1 to ${MAX_MULTIPLE}.`,
  );
}

/** `web-%i` is `web-0`, `web-1`, ...; a name without %i is the same for all. */
export function numberedName(name: string, at: number): string {
  return name.replaceAll("%i", String(at));
}
