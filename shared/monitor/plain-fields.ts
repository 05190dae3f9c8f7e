/** Reads values of decoded contents one after another, each of the type it must have. */

import { isAttributeName } from "../template/limits.ts";
import { MonitorRefusal } from "./refusal.ts";

/** A list of unknown values, and how far it was read. */
export class PlainFields {
  readonly #values: readonly unknown[];
  #at = 0;

  /** @throws MonitorRefusal `malformed` when it is no list. */
  constructor(value: unknown) {
    if (!Array.isArray(value)) throw misshapen("a list");
    this.#values = value;
  }

  get ended(): boolean {
    return this.#at >= this.#values.length;
  }

  next(): unknown {
    const value = this.#values[this.#at];
    this.#at += 1;
    return value;
  }

  fields(): PlainFields {
    return new PlainFields(this.next());
  }

  /** A whole number within bounds, both included. */
  whole(least: number, most: number): number {
    const value = this.next();
    if (typeof value === "number" && Number.isInteger(value) && value >= least && value <= most) return value;
    throw misshapen(`a whole number from ${least} to ${most}`);
  }

  boolean(): boolean {
    const value = this.next();
    if (typeof value === "boolean") return value;
    throw misshapen("true or false");
  }

  text(): string {
    return plainText(this.next());
  }

  /** An upper-case name of an attribute. */
  name(): string {
    return plainName(this.next());
  }

  /** One of a list, by its place. */
  pick<T>(list: readonly T[]): T {
    const item = list[this.whole(0, list.length - 1)];
    if (item === undefined) throw misshapen("a place in a list");
    return item;
  }

  /** Nothing may be left. */
  end(): void {
    if (!this.ended) throw misshapen("the end of a list");
  }
}

/** Text without NUL, which no store can keep. */
export function plainText(value: unknown): string {
  if (typeof value === "string" && !value.includes("\0")) return value;
  throw misshapen("text without NUL");
}

export function plainName(value: unknown): string {
  if (typeof value === "string" && isAttributeName(value) && value === value.toUpperCase()) return value;
  throw misshapen("an upper-case name");
}

export function misshapen(expected: string): MonitorRefusal {
  return new MonitorRefusal(
    "malformed",
    `The contents of a frame are not as expected: ${expected} is missing.`,
  );
}
