/** Tables of fixed columns, as OpenNebula's lists: cells cut at the column's size, wider only on a terminal. */

import { GatehouseError } from "../../../shared/errors.ts";
import type { XmlNode } from "../../../shared/xml/tree.ts";
import { printableCell } from "./format.ts";

export interface Column {
  readonly name: string;
  /** What it shows, for --describe. */
  readonly summary: string;
  readonly size: number;
  /** Numbers stand right, texts left. */
  readonly left?: boolean;
  /** Never cut: addresses are of no use without their end. */
  readonly whole?: boolean;
  /** `now` in seconds since the epoch. */
  readonly text: (row: XmlNode, now: number) => string;
}

export interface TableLayout {
  /** Default true. */
  readonly header?: boolean | undefined;
  /** Width of the terminal; undefined keeps the sizes of the columns. */
  readonly width?: number | undefined;
}

/** Columns that a narrow terminal may squeeze keep this much. */
const MIN_SIZE = 5;

/** Each row's texts, in the order of the columns. */
export function cellsOf(
  columns: readonly Column[],
  rows: readonly XmlNode[],
  now: number,
): readonly (readonly string[])[] {
  return rows.map((row) => columns.map((column) => printableCell(column.text(row, now))));
}

/**
 * The columns named, in that order, upper or lower case.
 * @throws GatehouseError `bad_request` for a name that is none.
 */
export function selectColumns(columns: readonly Column[], names: readonly string[]): readonly Column[] {
  return names.map((name) => {
    const found = columns.find((column) => column.name === name.trim().toUpperCase());
    if (found !== undefined) return found;
    const allowed = columns.map((column) => column.name).join(", ");
    throw new GatehouseError("bad_request", `Column ${name} is not defined; columns are ${allowed}.`);
  });
}

/** Lines without blanks at their ends; empty text for no rows and no header. */
export function renderTable(
  columns: readonly Column[],
  cells: readonly (readonly string[])[],
  layout: TableLayout = {},
): string {
  const sizes = sizesOf(columns, cells, layout.width);
  const lines = layout.header === false ? [] : [columns.map((column) => column.name)];
  return [...lines, ...cells].map((line) => `${lineOf(columns, line, sizes)}\n`).join("");
}

function lineOf(columns: readonly Column[], cells: readonly string[], sizes: readonly number[]): string {
  return columns
    .map((column, at) => {
      const size = sizes[at] ?? column.size;
      const letters = [...(cells[at] ?? "")].slice(0, size);
      const blanks = " ".repeat(size - letters.length);
      return column.left ? `${letters.join("")}${blanks}` : `${blanks}${letters.join("")}`;
    })
    .join(" ")
    .trimEnd();
}

function sizesOf(
  columns: readonly Column[],
  cells: readonly (readonly string[])[],
  width: number | undefined,
): readonly number[] {
  const longest = columns.map((_, at) =>
    cells.reduce((most, line) => Math.max(most, [...(line[at] ?? "")].length), 0),
  );
  const sizes = columns.map(({ size, whole }, at) => (whole ? Math.max(size, longest[at] ?? 0) : size));
  if (width === undefined) return sizes;
  const total = () => sizes.reduce((sum, size) => sum + size, columns.length - 1);
  grow(columns, sizes, longest, width - total());
  shrink(columns, sizes, total() - width);
  return sizes;
}

/** Room that is left goes to the texts that are cut, from the left. */
function grow(
  columns: readonly Column[],
  sizes: number[],
  longest: readonly number[],
  available: number,
): void {
  let left = available;
  columns.forEach(({ left: isText }, at) => {
    const size = sizes[at] ?? 0;
    const more = Math.min(left, (longest[at] ?? 0) - size);
    if (!isText || more <= 0) return;
    sizes[at] = size + more;
    left -= more;
  });
}

/** The widest text gives way first; numbers and whole columns never. */
function shrink(columns: readonly Column[], sizes: number[], excess: number): void {
  for (let left = excess; left > 0; left -= 1) {
    const widest = columns.reduce((best, column, at) => {
      const mayGive = column.left && !column.whole && (sizes[at] ?? 0) > MIN_SIZE;
      return mayGive && (sizes[at] ?? 0) > (sizes[best] ?? 0) ? at : best;
    }, -1);
    if (widest < 0) return;
    sizes[widest] = (sizes[widest] ?? 0) - 1;
  }
}

/** RFC 4180, whole values; lines end with a newline alone, as OpenNebula's do. */
export function renderCsv(
  columns: readonly Column[],
  cells: readonly (readonly string[])[],
  options: { readonly header?: boolean | undefined; readonly delimiter?: string | undefined } = {},
): string {
  const delimiter = options.delimiter ?? ",";
  const lines = options.header === false ? [] : [columns.map((column) => column.name)];
  return [...lines, ...cells]
    .map((line) => `${line.map((cell) => csvCell(cell.trim(), delimiter)).join(delimiter)}\n`)
    .join("");
}

function csvCell(text: string, delimiter: string): string {
  return text.includes(delimiter) || /["\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
