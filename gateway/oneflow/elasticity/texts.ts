/** The texts of policies, parsed once each: many roles share few expressions and times. */

import { PolicyTextError } from "./error.ts";
import { parseExpression } from "./expression.ts";
import { parseRecurrence, type Recurrence } from "./recurrence.ts";
import { parseStartTime, type StartTime } from "./start-time.ts";
import type { Expression } from "./syntax.ts";

/** A text parsed, or why it cannot be. */
export type Parsed<T> =
  | { readonly kind: "parsed"; readonly value: T }
  | { readonly kind: "unreadable"; readonly sentence: string };

export interface PolicyTexts {
  expression(text: string): Parsed<Expression>;
  recurrence(text: string): Parsed<Recurrence>;
  startTime(text: string | number): Parsed<StartTime>;
}

/** Beyond this many different texts the oldest are parsed again when they come. */
const MAX_TEXTS = 20_000;

/** @param zone IANA name, in which recurrences and times are read; undefined: the zone of the process. */
export function createPolicyTexts(zone?: string | undefined): PolicyTexts {
  return {
    expression: remembering((text: string) => parseExpression(text)),
    recurrence: remembering((text: string) => parseRecurrence(text, zone)),
    startTime: remembering((text: string | number) => parseStartTime(text, zone)),
  };
}

function remembering<K, T>(parse: (text: K) => T): (text: K) => Parsed<T> {
  const known = new Map<K, Parsed<T>>();
  return (text) => {
    const found = known.get(text);
    if (found !== undefined) return found;
    const parsed = attempt(() => parse(text));
    if (known.size >= MAX_TEXTS) for (const oldest of known.keys()) if (known.delete(oldest)) break;
    known.set(text, parsed);
    return parsed;
  };
}

function attempt<T>(parse: () => T): Parsed<T> {
  try {
    return { kind: "parsed", value: parse() };
  } catch (error) {
    if (error instanceof PolicyTextError) return { kind: "unreadable", sentence: error.message };
    throw error;
  }
}
