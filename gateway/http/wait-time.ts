/** The `wait` parameter of a GET: how long its answer may be held until it changes. */

import { GatehouseError } from "../../shared/errors.ts";
import { shown } from "./ids.ts";
import { type Parameters, singleParameter } from "./parameters.ts";

/** Clients, proxies and our own server keep a silent connection for longer than this. */
export const MAX_WAIT_S = 60;

/** A request as far as its query is needed. */
export interface Queried {
  readonly url: string;
  /** @throws GatehouseError `bad_request` for a malformed query. */
  query(): Parameters;
}

/** In ms; undefined: answer at once. @throws GatehouseError `bad_request` for what is not 1 to 60 whole seconds. */
export function waitMsOf(request: Queried): number | undefined {
  if (!request.url.includes("?")) return undefined;
  const text = singleParameter(request.query(), "wait");
  if (text === undefined) return undefined;
  const seconds = /^[1-9][0-9]?$/.test(text) ? Number(text) : Number.NaN;
  if (seconds <= MAX_WAIT_S) return seconds * 1_000;
  throw new GatehouseError(
    "bad_request",
    `Invalid wait ${shown(text)}: it must be whole seconds from 1 to ${MAX_WAIT_S}.`,
  );
}
