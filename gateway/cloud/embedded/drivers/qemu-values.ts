/** Values of a template as the qemu driver reads them, and how it says what is wrong with one. */

import { GatehouseError } from "../../../../shared/errors.ts";
import type { Vector } from "../../../../shared/template/types.ts";

const MAX_SHOWN_CHARACTERS = 32;

export function refused(what: string): GatehouseError {
  return new GatehouseError("bad_request", `${what}.`);
}

/** A value of a template, short enough for a sentence about it. */
export function shown(text: string): string {
  return `"${text.slice(0, MAX_SHOWN_CHARACTERS)}"`;
}

/** @throws GatehouseError `bad_request` for what is no whole number between both. */
export function whole(what: string, text: string, least: number, most: number): number {
  const number = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (number >= least && number <= most) return number;
  throw refused(`${what} is a whole number from ${least} to ${most}, not ${shown(text)}`);
}

/** As OpenNebula's driver takes them; empty or missing: undefined. @throws GatehouseError `bad_request` for other words. */
export function yesOrNo(what: string, text: string | undefined): boolean | undefined {
  const word = (text ?? "").trim().toLowerCase();
  if (word === "") return undefined;
  if (["yes", "true", "1"].includes(word)) return true;
  if (["no", "false", "0"].includes(word)) return false;
  throw refused(`${what} is YES or NO, not ${shown(word)}`);
}

/**
 * The one of `known` that an attribute names, in any case; undefined where it names none.
 * @throws GatehouseError `bad_request` for another.
 */
export function oneOf<T extends string>(
  vector: Vector,
  { path, known }: { readonly path: string; readonly known: readonly T[] },
): T | undefined {
  const said = (vector[path.slice(path.indexOf("/") + 1)] ?? "").trim().toLowerCase();
  if (said === "") return undefined;
  const found = known.find((name) => name === said);
  if (found !== undefined) return found;
  throw refused(`${path} is ${listed(known)} here, not ${shown(said)}`);
}

/** "a, b or c". */
function listed(names: readonly string[]): string {
  const [last = "", ...others] = [...names].reverse();
  return others.length === 0 ? last : `${others.reverse().join(", ")} or ${last}`;
}
