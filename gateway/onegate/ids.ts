/** Ids as guests write them: exact decimals, since `249x` or `0249` must never mean VM 249. */

import { GatehouseError } from "../../shared/errors.ts";

const DECIMAL = /^(0|[1-9][0-9]{0,15})$/;

const MAX_SHOWN_CHARACTERS = 40;

/** The id that the text writes exactly; undefined for anything else, and beyond what a number holds. */
export function exactId(text: string): number | undefined {
  if (!DECIMAL.test(text)) return undefined;
  const id = Number(text);
  return Number.isSafeInteger(id) ? id : undefined;
}

/** As `exactId`. @throws GatehouseError `bad_request` in the words recorded for /vnet/abc. */
export function requireId(text: string): number {
  const id = exactId(text);
  if (id === undefined) {
    throw new GatehouseError("bad_request", `Invalid id format (ID: ${shown(text)}). ID must be an integer.`);
  }
  return id;
}

/** A guest's text cut to a length that fits in a sentence. */
export function shown(text: string, limit: number = MAX_SHOWN_CHARACTERS): string {
  return text.length > limit ? `${text.slice(0, limit)}...` : text;
}
