/** `?page=2&size=100` of a list: beyond the original, which always gives everything. */

import { GatehouseError } from "../../../shared/errors.ts";
import { shown } from "../../http/ids.ts";
import { type Parameters, singleParameter } from "../../http/parameters.ts";

/** Pages are counted from 1. */
export interface Page {
  readonly page: number;
  readonly size: number;
}

const DEFAULT_SIZE = 100;
const MAX_SIZE = 10_000;
const EVERYTHING: Page = { page: 1, size: Number.MAX_SAFE_INTEGER };

/** @throws GatehouseError `bad_request` for what is not a whole number from 1 on. */
export function pageOf(query: Parameters): Page {
  const page = count(query, "page", Math.floor(Number.MAX_SAFE_INTEGER / MAX_SIZE));
  const size = count(query, "size", MAX_SIZE);
  if (page === undefined && size === undefined) return EVERYTHING;
  return { page: page ?? 1, size: size ?? DEFAULT_SIZE };
}

function count(query: Parameters, name: string, most: number): number | undefined {
  const text = singleParameter(query, name);
  if (text === undefined) return undefined;
  const value = /^[1-9][0-9]{0,14}$/.test(text) ? Number(text) : Number.NaN;
  if (value <= most) return value;
  throw new GatehouseError(
    "bad_request",
    `Invalid ${name} ${shown(text)}: it must be a whole number from 1 to ${most}.`,
  );
}
