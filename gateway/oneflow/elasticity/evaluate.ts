/** What an expression comes to with the values of a moment, and how it is told (`expression_evaluated`). */

import { rubyFloat } from "./numbers.ts";
import type { Comparator, Condition, Expression, Operand } from "./syntax.ts";

/** A value of each reference of the expression; undefined where there is none. */
export type Values = readonly (number | undefined)[];

/**
 * As the original has it: a comparison with a missing value is false (so its `!` is true). Both sides of every
 * operator count for `known`: undefined where the answer hangs on a value that is missing.
 */
export interface Outcome {
  readonly isTrue: boolean;
  readonly known: boolean | undefined;
}

const TRUE: Outcome = { isTrue: true, known: true };
const FALSE: Outcome = { isTrue: false, known: false };
const MISSING: Outcome = { isTrue: false, known: undefined };

export function evaluate({ root }: Expression, values: Values): Outcome {
  return outcomeOf(root, values);
}

function outcomeOf(condition: Condition, values: Values): Outcome {
  switch (condition.kind) {
    case "group":
      return outcomeOf(condition.inner, values);
    case "not": {
      const { isTrue, known } = outcomeOf(condition.inner, values);
      return { isTrue: !isTrue, known: known === undefined ? undefined : !known };
    }
    case "comparison": {
      const left = operandValue(condition.left, values);
      const right = operandValue(condition.right, values);
      if (left === undefined || right === undefined) return MISSING;
      return compare(condition.operator, left, right) ? TRUE : FALSE;
    }
    case "all":
    case "any":
      return chainOf(condition.terms, condition.kind === "any", values);
  }
}

/** One term that is `decisive` (true under |, false under &) settles a chain, whatever is missing beside it. */
function chainOf(terms: readonly Condition[], decisive: boolean, values: Values): Outcome {
  let isTrue = !decisive;
  let known: boolean | undefined = !decisive;
  for (const term of terms) {
    const outcome = outcomeOf(term, values);
    if (outcome.isTrue === decisive) isTrue = decisive;
    if (outcome.known === decisive) known = decisive;
    else if (outcome.known === undefined && known !== decisive) known = undefined;
  }
  return { isTrue, known };
}

function operandValue(operand: Operand, values: Values): number | undefined {
  return operand.kind === "number" ? operand.value : values[operand.index];
}

function compare(operator: Comparator, left: number, right: number): boolean {
  switch (operator) {
    case "=":
    case "==":
      return left === right;
    case "!=":
    case "<>":
      return left !== right;
    case ">":
      return left > right;
    case ">=":
      return left >= right;
    case "<":
      return left < right;
    case "<=":
      return left <= right;
  }
}

/** The expression with its values, in single blanks: `ATT[50.17] > 50 && !(B[--] <= 5.5)`, as recorded. */
export function printEvaluated({ root, references }: Expression, values: Values): string {
  const printed = references.map(({ key }, index) => {
    const value = values[index];
    return `${key}[${value === undefined ? "--" : rubyFloat(value)}]`;
  });
  return print(root, printed);
}

/** The expression in its plain spelling, without values. */
export function printExpression({ root, references }: Expression): string {
  const printed = references.map(({ key }) => key);
  return print(root, printed);
}

function print(condition: Condition, references: readonly string[]): string {
  switch (condition.kind) {
    case "group":
      return `(${print(condition.inner, references)})`;
    case "not":
      return `!${print(condition.inner, references)}`;
    case "comparison": {
      const operand = (of: Operand) => (of.kind === "number" ? of.printed : (references[of.index] ?? ""));
      return `${operand(condition.left)} ${condition.operator} ${operand(condition.right)}`;
    }
    case "all":
    case "any": {
      const { terms, operators } = condition;
      return terms
        .map((term, index) => (index === 0 ? "" : ` ${operators[index - 1]} `) + print(term, references))
        .join("");
    }
  }
}
