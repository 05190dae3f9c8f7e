/** Which rows of a table are shown, and in which order: --filter and --sort. */

import { GatehouseError } from "../../../shared/errors.ts";
import { type Shape, selectColumns } from "./table.ts";

type Cells = readonly (readonly string[])[];

const OPERATORS = ["=", "!=", "<", "<=", ">", ">=", "~"] as const;

/**
 * Rows for which every condition holds: `STAT=runn`, `NAME~web` (contains), `ID>=5`.
 * @throws GatehouseError `bad_request` for a condition or column that is none.
 */
export function filterCells(columns: readonly Shape[], cells: Cells, conditions: readonly string[]): Cells {
  const tests = conditions.map((condition) => testOf(columns, condition));
  return cells.filter((line) => tests.every((test) => test(line)));
}

function testOf(columns: readonly Shape[], condition: string): (line: readonly string[]) => boolean {
  const [, name, operator, value] = /^\s*(\w+)\s*(!=|<=|>=|=|<|>|~)(.*)$/s.exec(condition) ?? [];
  if (name === undefined || operator === undefined || value === undefined)
    throw new GatehouseError(
      "bad_request",
      `"${condition}" is no filter: it looks like NAME=web; operators are ${OPERATORS.join(" ")}.`,
    );
  const at = indexOf(columns, name);
  const expected = value.trim();
  return (line) => holds((line[at] ?? "").trim(), operator, expected);
}

function holds(actual: string, operator: string, expected: string): boolean {
  if (operator === "~") return actual.includes(expected);
  if (operator === "=") return actual === expected;
  if (operator === "!=") return actual !== expected;
  const order = compare(actual, expected);
  if (operator === "<") return order < 0;
  if (operator === "<=") return order <= 0;
  return operator === ">" ? order > 0 : order >= 0;
}

/** Rows by the columns named, the first above the others; a name after `-` turns the order round. */
export function sortCells(columns: readonly Shape[], cells: Cells, names: readonly string[]): Cells {
  const keys = names.map((name) => {
    const falling = name.startsWith("-");
    return { at: indexOf(columns, falling ? name.slice(1) : name), sign: falling ? -1 : 1 };
  });
  return cells.toSorted((a, b) => {
    for (const { at, sign } of keys) {
      const order = compare((a[at] ?? "").trim(), (b[at] ?? "").trim());
      if (order !== 0) return order * sign;
    }
    return 0;
  });
}

/** Numbers by value, anything else by its letters. */
function compare(a: string, b: string): number {
  const numbers = [Number(a), Number(b)] as const;
  if (a !== "" && b !== "" && numbers.every(Number.isFinite)) return numbers[0] - numbers[1];
  return a < b ? -1 : Number(a > b);
}

function indexOf(columns: readonly Shape[], name: string): number {
  const [column] = selectColumns(columns, [name]);
  return column === undefined ? -1 : columns.indexOf(column);
}
