import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PolicyTextError } from "../../gateway/oneflow/elasticity/error.ts";
import { evaluate, printEvaluated, printExpression } from "../../gateway/oneflow/elasticity/evaluate.ts";
import { MAX_EXPRESSION_DEPTH, parseExpression } from "../../gateway/oneflow/elasticity/expression.ts";
import { leadingNumber, roundToHundredths, rubyFloat } from "../../gateway/oneflow/elasticity/numbers.ts";
import { MAX_EXPRESSION_LENGTH } from "../../gateway/oneflow/elasticity/tokens.ts";
import { expressionSoak } from "../soak/expressions.ts";
import { rewritten } from "../support/expression-rewriter.ts";

type Known = Readonly<Record<string, number>>;

function outcome(text: string, known: Known = {}) {
  const expression = parseExpression(text);
  return evaluate(
    expression,
    expression.references.map(({ key }) => known[key]),
  );
}

function evaluated(text: string, known: Known = {}): string {
  const expression = parseExpression(text);
  return printEvaluated(
    expression,
    expression.references.map(({ key }) => known[key]),
  );
}

function failure(text: string): PolicyTextError {
  try {
    parseExpression(text);
  } catch (error) {
    if (error instanceof PolicyTextError) return error;
    throw error;
  }
  throw new Error(`${text} was accepted`);
}

describe("precedence", () => {
  it.each([
    ["1 > 2 & 1 > 2 | 1 < 2", true],
    ["1 < 2 | 1 < 2 & 1 > 2", true],
    ["(1 < 2 | 1 < 2) & 1 > 2", false],
    ["!1 > 2 & 1 > 2", false],
    ["!(1 > 2 & 1 > 2)", true],
    ["!1 < 2 | 1 < 2", true],
    ["!!1 < 2", true],
    ["! ( 1 < 2 )", false],
    ["1 < 2 && 2 < 3 || 1 > 2", true],
  ])("of %s gives %s", (text, value) => {
    expect(outcome(text).isTrue).toBe(value);
  });

  it.each([
    ["=", [false, true, false]],
    ["==", [false, true, false]],
    ["!=", [true, false, true]],
    ["<>", [true, false, true]],
    [">", [false, false, true]],
    [">=", [false, true, true]],
    ["<", [true, false, false]],
    ["<=", [true, true, false]],
  ])("%s compares", (operator, expected) => {
    expect([1, 2, 3].map((left) => outcome(`${left} ${operator} 2`).isTrue)).toEqual(expected);
  });
});

describe("a missing value", () => {
  it("makes its comparison false, and the ! of it true, as in the original", () => {
    expect(outcome("X > 1")).toEqual({ isTrue: false, known: undefined });
    expect(outcome("!X > 1")).toEqual({ isTrue: true, known: undefined });
  });

  it("leaves known what does not hang on it", () => {
    expect(outcome("X > 1 | A > 1", { A: 2 }).known).toBe(true);
    expect(outcome("X > 1 & A > 1", { A: 0 }).known).toBe(false);
    expect(outcome("X > 1 & A > 1", { A: 2 }).known).toBeUndefined();
    expect(outcome("!(X > 1 & A > 1)", { A: 0 }).known).toBe(true);
  });
});

describe("expression_evaluated", () => {
  it.each([
    ["ATT>50", { ATT: 50.17 }, "ATT[50.17] > 50"],
    ["X > 1", {}, "X[--] > 1"],
    ["!ATT > 50 && B > 5", { ATT: 50.17, B: 0.5 }, "!ATT[50.17] > 50 && B[0.5] > 5"],
    ["CUSTOM_ATT>40", {}, "CUSTOM_ATT[--] > 40"],
    ["CPU > 9000 && SCALEME > 10", { CPU: 0 }, "CPU[0.0] > 9000 && SCALEME[--] > 10"],
    ["SCALEME < -10", { SCALEME: 20 }, "SCALEME[20.0] < -10"],
    ["ATT = 10", { ATT: 10 }, "ATT[10.0] = 10"],
    ["att  >   007", { ATT: 1 }, "ATT[1.0] > 7"],
    ["A > 1.50", { A: 1 }, "A[1.0] > 1.5"],
    ["A > 99999999999999999999", { A: 1 }, "A[1.0] > 99999999999999999999"],
    ["( ATT>50 )&&! (B=5.5||C<=30)", { ATT: 1 }, "(ATT[1.0] > 50) && !(B[--] = 5.5 || C[--] <= 30)"],
    ["MONITORING.cpu > 80", { "MONITORING.CPU": 90 }, "MONITORING.CPU[90.0] > 80"],
    ["AVG( cpu , 5m ) > 80", { "avg(CPU, 5m)": 1e16 }, "avg(CPU, 5m)[1.0e+16] > 80"],
    ["'ATT' > 1", { ATT: 2 }, "ATT[2.0] > 1"],
  ])("of %s", (text, known, printed) => {
    expect(evaluated(text, known)).toBe(printed);
  });
});

describe("what is no expression", () => {
  it.each([
    ["ATT => 1", 6],
    [".5 < A", 1],
    ["A > 1e3", 6],
    ["ATT + 1 > 2", 5],
    ["ATT", 4],
    ["A\t> 1", 2],
    ["a and b", 3],
    ["_A > 1", 1],
    ["", 1],
    ["A > 1 B", 7],
    ["(A > 1", 7],
    ["A > 5.", 6],
    ["A > 1 &", 8],
    ["foo(CPU, 5m) > 3", 1],
    ["avg(CPU, 5) > 3", 10],
    ["avg(CPU 5m) > 3", 9],
    ["avg(CPU, 2d) > 3", 10],
    ["avg(CPU, 5m4) > 3", 11],
    ["HOST.CPU > 3", 1],
    ["A.B.C > 3", 4],
  ])("%j is refused at column %i", (text, column) => {
    expect(failure(text).column).toBe(column);
    expect(failure(text).code).toBe("bad_request");
  });

  it("is said in one sentence with what is allowed", () => {
    expect(failure("ATT => 1").message).toBe(
      'Column 6: found ">", where a name, a number, ! or ( must stand.',
    );
  });

  it("is too long or too deep a text", () => {
    expect(failure("A".repeat(MAX_EXPRESSION_LENGTH + 1)).column).toBe(MAX_EXPRESSION_LENGTH + 1);
    const deep = (depth: number) => `${"(".repeat(depth)}A > 1${")".repeat(depth)}`;
    expect(() => parseExpression(deep(MAX_EXPRESSION_DEPTH))).not.toThrow();
    expect(() => parseExpression(`${"(A > 1) & ".repeat(MAX_EXPRESSION_DEPTH * 2)}A > 1`)).not.toThrow();
    expect(failure(deep(MAX_EXPRESSION_DEPTH + 1)).column).toBe(MAX_EXPRESSION_DEPTH + 1);
  });
});

it("agrees with an evaluator that rewrites text, whatever stands in the expression", () => {
  const operand = fc.constantFrom("A", "B", "X", "1", "-2.5", "0");
  const operator = fc.constantFrom("=", "==", "!=", "<>", ">", ">=", "<", "<=");
  const { condition } = fc.letrec<{ condition: string }>((tie) => ({
    condition: fc.oneof(
      { maxDepth: 5, withCrossShrink: true },
      fc.tuple(operand, operator, operand).map((parts) => parts.join(" ")),
      tie("condition").map((inner) => `!${inner}`),
      tie("condition").map((inner) => `( ${inner})`),
      fc
        .tuple(tie("condition"), fc.constantFrom("&", "&&", "|", "||"), tie("condition"))
        .map((parts) => parts.join("")),
    ),
  }));
  const values = fc.record({ A: fc.integer({ min: -3, max: 3 }), B: fc.constantFrom(0, 1, -2.5) });
  fc.assert(
    fc.property(condition, values, (text, known) => {
      const expected = rewritten(text, new Map(Object.entries(known)));
      const { known: found } = outcome(text, known);
      expect(found === undefined ? "U" : found ? "T" : "F").toBe(expected);
      const printed = printExpression(parseExpression(text));
      expect(printExpression(parseExpression(printed))).toBe(printed);
    }),
    { numRuns: 2_000 },
  );
});

it("holds a sample of the soak's laws: a value or a column, in steps that grow with the text", () => {
  const result = expressionSoak({ inputs: 20_000, seed: 7 });
  expect(result.accepted).toBeGreaterThan(8_000);
  expect(result.refused).toBeGreaterThan(4_000);
  expect(result.undecided).toBeGreaterThan(1_000);
});

describe("numbers", () => {
  it.each([
    [50, "50.0"],
    [0, "0.0"],
    [-0.5, "-0.5"],
    [1e15, "1000000000000000.0"],
    [1e16, "1.0e+16"],
    [1.25e20, "1.25e+20"],
    [0.0001, "0.0001"],
    [0.00001, "1.0e-05"],
  ])("%d is printed as %s, like Ruby", (value, text) => {
    expect(rubyFloat(value)).toBe(text);
  });

  it.each([
    [50.1666, 50.17],
    [5.015, 5.02],
    [-5.015, -5.02],
    [0.005, 0.01],
    [0.004, 0],
    [1e300, 1e300],
  ])("%d is rounded to %d, like Ruby", (value, rounded) => {
    expect(roundToHundredths(value)).toBe(rounded);
  });

  it.each([
    [" 9.7", 9.7],
    ["9.7 %", 9.7],
    ["-3", -3],
    ["1e3", 1000],
    [".5", 0.5],
    ["5.", 5],
    ["abc", undefined],
    ["", undefined],
    ["NaN", undefined],
    ["inf", undefined],
    ["1e999", undefined],
  ])("%j begins with %s", (text, value) => {
    expect(leadingNumber(text)).toBe(value);
  });
});
