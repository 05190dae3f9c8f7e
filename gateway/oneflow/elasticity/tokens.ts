/** Cuts the text of an expression into tokens, each with its column. */

import { excerpt, PolicyTextError } from "./error.ts";
import type { Comparator, LogicalOperator } from "./syntax.ts";

export type Token =
  | { readonly kind: "number" | "name" | "duration"; readonly text: string; readonly column: number }
  | { readonly kind: "comparator"; readonly text: Comparator; readonly column: number }
  | { readonly kind: "logical"; readonly text: LogicalOperator; readonly column: number }
  | { readonly kind: "(" | ")" | "," | "!" | "end"; readonly text: string; readonly column: number };

/** Counts the work of a parse, so that a test can show that it grows with the text and no faster. */
export interface Meter {
  steps: number;
}

/** The seeds' longest expression has 48 characters. */
export const MAX_EXPRESSION_LENGTH = 4096;

/** Only the blank parts tokens: the original refuses tabs and line breaks. */
const BLANK = " ";
const NUMBER = /-?[0-9]+(?:\.[0-9]+)?/y;
const DURATION = /[0-9]+[smhd](?![A-Za-z0-9_])/y;
const NAME = /[A-Za-z][A-Za-z0-9_]*(?:\.[A-Za-z][A-Za-z0-9_]*)?/y;
/** A quoted name: the original parses it and then never finds its value; here the quotes say nothing. */
const QUOTED_NAME = /'[A-Za-z][A-Za-z0-9_]*'|"[A-Za-z][A-Za-z0-9_]*"/y;
/** Longest first. */
const COMPARATORS: readonly Comparator[] = ["==", "!=", "<>", ">=", "<=", "=", ">", "<"];
const LOGICALS: readonly LogicalOperator[] = ["&&", "||", "&", "|"];
const SIGNS = ["(", ")", ",", "!"] as const;

/** @throws PolicyTextError at the first character that begins no token. */
export function tokensOf(text: string, meter: Meter): readonly Token[] {
  if (text.length > MAX_EXPRESSION_LENGTH) {
    throw new PolicyTextError(
      MAX_EXPRESSION_LENGTH + 1,
      `An expression may have at most ${MAX_EXPRESSION_LENGTH} characters; this one has ${text.length}.`,
    );
  }
  const tokens: Token[] = [];
  let at = 0;
  for (;;) {
    while (text[at] === BLANK) at += 1;
    meter.steps = at + tokens.length;
    if (at === text.length) return [...tokens, { kind: "end", text: "", column: at + 1 }];
    const token = tokenAt(text, at);
    tokens.push(token);
    at += widthOf(text, at, token);
  }
}

function tokenAt(text: string, at: number): Token {
  const column = at + 1;
  const duration = match(DURATION, text, at);
  if (duration !== undefined) return { kind: "duration", text: duration, column };
  const number = match(NUMBER, text, at);
  if (number !== undefined) {
    refuseTail(text, at, number);
    return { kind: "number", text: number, column };
  }
  const name = match(NAME, text, at);
  if (name !== undefined) return { kind: "name", text: name, column };
  const quoted = match(QUOTED_NAME, text, at);
  if (quoted !== undefined) return { kind: "name", text: quoted.slice(1, -1), column };
  const comparator = COMPARATORS.find((sign) => text.startsWith(sign, at));
  if (comparator !== undefined) return { kind: "comparator", text: comparator, column };
  const logical = LOGICALS.find((sign) => text.startsWith(sign, at));
  if (logical !== undefined) return { kind: "logical", text: logical, column };
  const sign = SIGNS.find((one) => text[at] === one);
  if (sign !== undefined) return { kind: sign, text: sign, column };
  throw new PolicyTextError(
    column,
    `Column ${column}: ${excerpt(characterAt(text, at))} cannot stand here; allowed are names, numbers, comparisons (= == != <> < <= > >=), & | ! and parentheses, parted by blanks.`,
  );
}

/** `1e3`, `5.` and `1.2.3` are no numbers here, nor are they a number and something else. */
function refuseTail(text: string, at: number, number: string): void {
  const next = text[at + number.length];
  if (next === undefined || !/[A-Za-z0-9_.]/.test(next)) return;
  const column = at + number.length + 1;
  throw new PolicyTextError(
    column,
    `Column ${column}: ${excerpt(next)} cannot follow the number ${excerpt(number)}; a number is digits, with a fraction if need be (-4, 0.5).`,
  );
}

function widthOf(text: string, at: number, token: Token): number {
  const isQuoted = token.kind === "name" && (text[at] === "'" || text[at] === '"');
  return isQuoted ? token.text.length + 2 : token.text.length;
}

function match(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0];
}

/** The whole character, also where it takes two units. */
function characterAt(text: string, at: number): string {
  return String.fromCodePoint(text.codePointAt(at) ?? 0);
}
