/**
 * The expression parser against strings that nobody would write: each gives a value, the same as a second evaluator's,
 * or an error with a column; none a crash, or more steps than its length allows.
 */

import { PolicyTextError } from "../../gateway/oneflow/elasticity/error.ts";
import { evaluate, printEvaluated, printExpression } from "../../gateway/oneflow/elasticity/evaluate.ts";
import { parseExpression } from "../../gateway/oneflow/elasticity/expression.ts";
import type { Expression } from "../../gateway/oneflow/elasticity/syntax.ts";
import { rewritten } from "../support/expression-rewriter.ts";
import { type Random, seededRandom } from "../support/random.ts";

export interface ExpressionSoakOptions {
  readonly inputs?: number | undefined;
  readonly seed?: number | undefined;
  readonly log?: ((line: string) => void) | undefined;
}

export interface ExpressionSoakResult {
  readonly inputs: number;
  readonly seed: number;
  readonly accepted: number;
  readonly refused: number;
  /** Of accepted ones, those that hung on a missing value. */
  readonly undecided: number;
}

const DEFAULT_INPUTS = 1_000_000;
const LOG_EVERY = 100_000;
/** A character is looked at once as such, and its token is cut once and taken once. */
const STEPS_PER_CHARACTER = 3;
const STEPS_BESIDES = 4;

const PIECES = ["A", "B", "C", "1", "0.5", "-3", "007", "&", "&&", "|", "||", "!", "(", ")", "=", "==", "<>"];
const MORE_PIECES = [
  "!=",
  ">=",
  "<=",
  ">",
  "<",
  " ",
  "  ",
  "\t",
  "'A'",
  '"',
  ".",
  "avg(",
  ", 5m)",
  "1e3",
  "é",
  "\u0000",
  "🦆",
];
const OPERATORS = ["=", "==", "!=", "<>", ">", ">=", "<", "<="];
const VALUES: ReadonlyMap<string, number> = new Map([
  ["A", 1],
  ["B", 0.5],
]);

/** @throws Error with the seed and the input at the first that breaks a law. */
export function expressionSoak(options: ExpressionSoakOptions = {}): ExpressionSoakResult {
  const { inputs = DEFAULT_INPUTS, seed = 1, log = () => {} } = options;
  const random = seededRandom(seed);
  const count = { accepted: 0, refused: 0, undecided: 0 };
  for (const text of longOnes()) check(text, count);
  for (let index = 0; index < inputs; index += 1) {
    const text = randomText(random);
    try {
      check(text, count);
    } catch (cause) {
      throw new Error(`seed ${seed}, input ${index}: ${JSON.stringify(text)}`, { cause });
    }
    if ((index + 1) % LOG_EVERY === 0) log(`${index + 1} inputs: ${JSON.stringify(count)}`);
  }
  return { inputs, seed, ...count };
}

function check(text: string, count: { accepted: number; refused: number; undecided: number }): void {
  const meter = { steps: 0 };
  let expression: Expression | undefined;
  try {
    expression = parseExpression(text, meter);
  } catch (error) {
    if (!(error instanceof PolicyTextError)) throw error;
    if (!(error.column >= 1 && error.column <= text.length + 1)) throw new Error(`column ${error.column}`);
    count.refused += 1;
  }
  if (meter.steps > STEPS_PER_CHARACTER * text.length + STEPS_BESIDES)
    throw new Error(`${meter.steps} steps`);
  if (expression === undefined) return;
  count.accepted += 1;
  const values = expression.references.map(({ name, over }) =>
    over === undefined ? VALUES.get(name) : undefined,
  );
  const { isTrue, known } = evaluate(expression, values);
  printEvaluated(expression, values);
  const printed = printExpression(expression);
  if (printExpression(parseExpression(printed)) !== printed) throw new Error(`printed as ${printed}`);
  if (known === undefined) count.undecided += 1;
  else if (known !== isTrue && !values.includes(undefined)) throw new Error("decided and yet different");
  if (/[a-z.']\(|["']/.test(text)) return;
  const expected = rewritten(printed, VALUES);
  const found = known === undefined ? "U" : known ? "T" : "F";
  if (found !== expected) throw new Error(`${found}, and rewritten ${expected}`);
}

function randomText(random: Random): string {
  switch (random.integer(4)) {
    case 0:
      return repeat(random.integer(24), () => random.pick([...PIECES, ...MORE_PIECES]));
    case 1:
      return damaged(condition(random, 4), random);
    default:
      return condition(random, 4);
  }
}

function condition(random: Random, depth: number): string {
  const kind = depth === 0 ? 0 : random.integer(6);
  const blank = () => " ".repeat(random.integer(3));
  const inner = () => condition(random, depth - 1);
  switch (kind) {
    case 1:
      return `!${blank()}${inner()}`;
    case 2:
      return `(${blank()}${inner()}${blank()})`;
    case 3:
      return `${inner()}${blank()}${random.pick(["&", "&&"])}${blank()}${inner()}`;
    case 4:
      return `${inner()}${blank()}${random.pick(["|", "||"])}${blank()}${inner()}`;
    default:
      return `${operand(random)}${blank()}${random.pick(OPERATORS)}${blank()}${operand(random)}`;
  }
}

function operand(random: Random): string {
  return random.pick(["A", "b", "C", "1", "0.5", "-1", "2.50", "A", "B"]);
}

function damaged(text: string, random: Random): string {
  const at = random.integer(text.length + 1);
  const width = random.integer(3);
  return text.slice(0, at) + random.pick([...PIECES, ...MORE_PIECES, ""]) + text.slice(at + width);
}

/** Of the greatest length allowed, and beyond: each piece over and over. */
function longOnes(): readonly string[] {
  const bodies = [
    "!",
    "(",
    " ",
    "A",
    "1",
    "1.",
    "&",
    "A>1&",
    "!A>1|",
    "(A>1)&",
    "'",
    "avg(A, 5m)>1|",
    "<",
    "\u0000",
  ];
  return bodies.flatMap((body) =>
    [4_096, 100_000].map((length) => body.repeat(Math.floor(length / body.length))),
  );
}

function repeat(times: number, make: () => string): string {
  return Array.from({ length: times }, make).join("");
}
