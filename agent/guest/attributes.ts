/** Attributes as a guest sends them, one a line, in a form that OpenNebula's OneGate and ours read alike. */

import { printValue, unescapeValue } from "../../shared/template/quoted.ts";

export interface GuestAttribute {
  readonly name: string;
  readonly value: string;
}

const MAX_NAME_LENGTH = 64;
const MAX_VALUE_LENGTH = 1024;

/** Text that needs no quotes: the original's scanner trips over commas, brackets and backslashes, ours over none of these. */
const PLAIN = /^[^\s"\\[\],]+$/;

/** `NAME=value` lines; values with anything special in them in quotes. */
export function attributeLines(attributes: readonly GuestAttribute[]): string {
  return attributes
    .map(({ name, value }) => `${name}=${PLAIN.test(value) ? value : printValue(value)}`)
    .join("\n");
}

/**
 * One printed line, `NAME = value`, quotes around the value undone; undefined when it is not one, is longer than
 * allowed, or holds what no attribute may.
 */
export function parseAttributeLine(line: string): GuestAttribute | undefined {
  const equals = line.indexOf("=");
  const name = line.slice(0, equals).trim();
  const written = line.slice(equals + 1).trim();
  const value = /^".*"$/.test(written) ? unescapeValue(written.slice(1, -1)) : written;
  const isName = equals > 0 && name.length <= MAX_NAME_LENGTH && /^[A-Za-z0-9_]+$/.test(name);
  // Control characters, and what was not UTF-8.
  const isValue = value !== "" && value.length <= MAX_VALUE_LENGTH && !/[^\P{Cc}\t]|\uFFFD/u.test(value);
  return isName && isValue ? { name, value } : undefined;
}

/** Of a name given twice, in whichever case, the first: its place is kept for it. */
export function withoutRepeats(attributes: readonly GuestAttribute[]): readonly GuestAttribute[] {
  const seen = new Set<string>();
  return attributes.filter(({ name }) => {
    const key = name.toUpperCase();
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}
