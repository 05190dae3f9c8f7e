/**
 * Parses the expression of a policy (spec elasticity.md 2) with the usual precedence that the seed promises: `!`
 * before comparisons before `&` before `|`. (The original reads `&` and `|` as equals, from the right.)
 */

import { excerpt, PolicyTextError } from "./error.ts";
import { rubyFloat } from "./numbers.ts";
import {
  type Condition,
  type Expression,
  type LogicalOperator,
  type Operand,
  PLACES,
  type Place,
  type Reference,
  TIME_FUNCTIONS,
  type TimeFunction,
} from "./syntax.ts";
import { type Meter, type Token, tokensOf } from "./tokens.ts";

/** Of parentheses and `!` inside each other. */
export const MAX_EXPRESSION_DEPTH = 64;

/** What a time function may look back: longer than this belongs into a report. */
export const MAX_WINDOW_S = 86_400;

const SECONDS_OF_UNIT: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };

/**
 * @param meter counts steps: characters and tokens looked at; their number grows with the text and no faster.
 * @throws PolicyTextError with the column, in one sentence that says what is allowed there.
 */
export function parseExpression(text: string, meter: Meter = { steps: 0 }): Expression {
  return new Parser(text, tokensOf(text, meter), meter).whole();
}

/**
 * A name on its own, with a place before it or a function over time around it.
 * @throws PolicyTextError as parseExpression.
 */
export function parseReference(text: string): Reference {
  const meter = { steps: 0 };
  return new Parser(text, tokensOf(text, meter), meter).wholeReference();
}

class Parser {
  readonly #text: string;
  readonly #tokens: readonly Token[];
  readonly #meter: Meter;
  readonly #references = new Map<string, { readonly index: number; readonly reference: Reference }>();
  #at = 0;
  #depth = 0;

  constructor(text: string, tokens: readonly Token[], meter: Meter) {
    this.#text = text;
    this.#tokens = tokens;
    this.#meter = meter;
  }

  whole(): Expression {
    const root = this.#chain("any");
    if (this.#here().kind !== "end") throw this.#unexpected("& or | and another comparison, or the end");
    const references = Array.from(this.#references.values(), ({ reference }) => reference);
    return { text: this.#text, root, references };
  }

  wholeReference(): Reference {
    const operand = this.#operand();
    const [first] = this.#references.values();
    if (operand.kind !== "reference" || first === undefined || this.#here().kind !== "end")
      throw this.#unexpected("a name and nothing else");
    return first.reference;
  }

  /** A method, since its answer changes between two looks. */
  #here(): Token {
    const token = this.#tokens[this.#at];
    if (token === undefined) throw new RangeError("read past the last token of an expression");
    return token;
  }

  #take(): Token {
    const token = this.#here();
    this.#meter.steps += 1;
    this.#at += 1;
    return token;
  }

  /** `any`: terms of `|`, each of them a chain of `&` (`all`). */
  #chain(kind: "all" | "any"): Condition {
    const term = () => (kind === "any" ? this.#chain("all") : this.#unary());
    const first = term();
    const terms = [first];
    const operators: LogicalOperator[] = [];
    for (;;) {
      const here = this.#here();
      if (here.kind !== "logical" || here.text.startsWith("|") !== (kind === "any")) break;
      this.#take();
      operators.push(here.text);
      terms.push(term());
    }
    return operators.length === 0 ? first : { kind, terms, operators };
  }

  #unary(): Condition {
    const { kind } = this.#here();
    if (kind === "!") return { kind: "not", inner: this.#deeper(() => this.#unary()) };
    if (kind !== "(") return this.#comparison();
    const inner = this.#deeper(() => this.#chain("any"));
    if (this.#here().kind !== ")") throw this.#unexpected('")", or & or | and another comparison');
    this.#take();
    return { kind: "group", inner };
  }

  #deeper(parse: () => Condition): Condition {
    const { column } = this.#take();
    this.#depth += 1;
    if (this.#depth > MAX_EXPRESSION_DEPTH) {
      throw new PolicyTextError(
        column,
        `Column ${column}: parentheses and ! may stand in each other ${MAX_EXPRESSION_DEPTH} deep, not deeper.`,
      );
    }
    const inner = parse();
    this.#depth -= 1;
    return inner;
  }

  #comparison(): Condition {
    const left = this.#operand();
    const operator = this.#here();
    if (operator.kind !== "comparator") throw this.#unexpected("a comparison (= == != <> < <= > >=)");
    this.#take();
    return { kind: "comparison", operator: operator.text, left, right: this.#operand() };
  }

  #operand(): Operand {
    const token = this.#here();
    if (token.kind === "number") {
      this.#take();
      return { kind: "number", value: Number(token.text), printed: printedNumber(token.text) };
    }
    if (token.kind !== "name") throw this.#unexpected("a name, a number, ! or (");
    this.#take();
    return this.#refer(this.#here().kind === "(" ? this.#overTime(token) : plainReference(token));
  }

  /** `avg(CPU, 5m)`, its name taken already. */
  #overTime(called: Token): Reference {
    const given = called.text.toLowerCase();
    const name = TIME_FUNCTIONS.find((one) => one === given);
    if (name === undefined) {
      throw new PolicyTextError(
        called.column,
        `Column ${called.column}: there is no function ${excerpt(called.text)}; there are ${TIME_FUNCTIONS.join(", ")}.`,
      );
    }
    this.#take();
    const what = this.#here();
    if (what.kind !== "name") throw this.#unexpected("the name of a metric");
    this.#take();
    if (this.#here().kind !== ",") throw this.#unexpected('"," and a duration');
    this.#take();
    const duration = this.#here();
    if (duration.kind !== "duration") throw this.#unexpected("a duration (30s, 5m, 2h, 1d)");
    this.#take();
    if (this.#here().kind !== ")") throw this.#unexpected('")"');
    this.#take();
    return overTime(plainReference(what), name, duration);
  }

  #refer(reference: Reference): Operand {
    const known = this.#references.get(reference.key);
    if (known !== undefined) return { kind: "reference", index: known.index };
    const index = this.#references.size;
    this.#references.set(reference.key, { index, reference });
    return { kind: "reference", index };
  }

  #unexpected(allowed: string): PolicyTextError {
    const { kind, text, column } = this.#here();
    const found = kind === "end" ? "the expression ends" : `found ${excerpt(text)}`;
    return new PolicyTextError(column, `Column ${column}: ${found}, where ${allowed} must stand.`);
  }
}

function plainReference({ text, column }: Token): Reference {
  const [first = "", second] = text.toUpperCase().split(".");
  if (second === undefined) return { key: first, place: undefined, name: first, over: undefined };
  const place: Place | undefined = PLACES.find((one) => one === first);
  if (place === undefined) {
    throw new PolicyTextError(
      column,
      `Column ${column}: there is no place ${excerpt(first)} to look in; there are ${PLACES.join(", ")}.`,
    );
  }
  return { key: `${place}.${second}`, place, name: second, over: undefined };
}

function overTime(of: Reference, name: TimeFunction, { text, column }: Token): Reference {
  const seconds = Number(text.slice(0, -1)) * (SECONDS_OF_UNIT[text.slice(-1)] ?? Number.NaN);
  if (!(seconds >= 1 && seconds <= MAX_WINDOW_S)) {
    throw new PolicyTextError(
      column,
      `Column ${column}: ${excerpt(text)} is no duration from 1s to 1d for a function over time.`,
    );
  }
  return { ...of, key: `${name}(${of.key}, ${text})`, over: { function: name, seconds } };
}

/** As the original prints it: 007 is 7, 1.50 is 1.5, and no digit of a long whole number is lost. */
function printedNumber(text: string): string {
  return text.includes(".") ? rubyFloat(Number(text)) : BigInt(text).toString();
}
