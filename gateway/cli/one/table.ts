/** Tables of fixed columns, as OpenNebula's lists: cells cut at the column's size, wider only on a terminal. */

import { GatehouseError } from "../../../shared/errors.ts";
import type { XmlNode } from "../../../shared/xml/tree.ts";
import { printableCell } from "./format.ts";

/** `Row` is what a row is made of: OpenNebula's XML, or any other. */
export interface Column<Row = XmlNode> {
  readonly name: string;
  /** What it shows, for --describe. */
  readonly summary: string;
  readonly size: number;
  /** Numbers stand right, texts left. */
  readonly left?: boolean;
  /** Never cut: addresses are of no use without their end. */
  readonly whole?: boolean;
  /** Where colours are wanted: the cell's text, which is given cut and padded too. */
  readonly paint?: (cell: string, padded: string) => string;
  /** `now` in seconds since the epoch. */
  readonly text: (row: Row, now: number) => string;
}

export interface TableLayout {
  /** Default true. */
  readonly header?: boolean | undefined;
  /** Width of the terminal; undefined keeps the sizes of the columns. */
  readonly width?: number | undefined;
  /** Default false. */
  readonly colours?: boolean | undefined;
}

/** A column of rows of any kind, where only names, sizes and cells count. */
export type Shape = Omit<Column, "text">;

/** Columns that a narrow terminal may squeeze keep this much. */
const MIN_SIZE = 5;

/** Each row's texts, in the order of the columns. */
export function cellsOf<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  now: number,
): readonly (readonly string[])[] {
  return rows.map((row) => columns.map((column) => printableCell(column.text(row, now))));
}

/**
 * The columns named, in that order, upper or lower case.
 * @throws GatehouseError `bad_request` for a name that is none.
 */
export function selectColumns<C extends Shape>(
  columns: readonly C[],
  names: readonly string[],
): readonly C[] {
  return names.map((name) => {
    const found = columns.find((column) => column.name === name.trim().toUpperCase());
    if (found !== undefined) return found;
    const allowed = columns.map((column) => column.name).join(", ");
    throw new GatehouseError("bad_request", `Column ${name} is not defined; columns are ${allowed}.`);
  });
}

/** Lines without blanks at their ends; empty text for no rows and no header. */
export function renderTable(
  columns: readonly Shape[],
  cells: readonly (readonly string[])[],
  layout: TableLayout = {},
): string {
  const sizes = sizesOf(columns, cells, layout.width);
  const lines = layout.header === false ? [] : [columns.map((column) => column.name)];
  const head = lines.map((line) => lineOf(columns, line, sizes, false));
  const body = cells.map((line) => lineOf(columns, line, sizes, layout.colours === true));
  return [...head, ...body].map((line) => `${line}\n`).join("");
}

function lineOf(
  columns: readonly Shape[],
  cells: readonly string[],
  sizes: readonly number[],
  colours: boolean,
): string {
  return columns
    .map((column, at) => {
      const size = sizes[at] ?? column.size;
      const letters = [...(cells[at] ?? "")].slice(0, size);
      const blanks = " ".repeat(size - letters.length);
      const padded = column.left ? `${letters.join("")}${blanks}` : `${blanks}${letters.join("")}`;
      return colours && column.paint !== undefined ? column.paint(cells[at] ?? "", padded) : padded;
    })
    .join(" ")
    .trimEnd();
}

function sizesOf(
  columns: readonly Shape[],
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
  columns: readonly Shape[],
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
function shrink(columns: readonly Shape[], sizes: number[], excess: number): void {
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
  columns: readonly Shape[],
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
