/**
 * A column of values, each of the same width, so that one of them is read without the others: whole numbers and
 * hundredths by their distance from the least, in as few bytes as the farthest needs (none when all are the same), other
 * numbers as doubles, and texts by their place in a list of those that occur.
 */

import type { MetricValue } from "../../../shared/monitor/readings.ts";
import { type ByteReader, type ByteWriter, MAX_WIDTH, widthOf } from "./bytes.ts";

/** The first byte: the width of whole numbers, or one of these. */
const DOUBLES = 7;
const TEXTS = 8;
/** Added to the width: the numbers are hundredths. */
const HUNDREDTHS = 0x10;

/** Values of a column by their row, so that no array is made of them first. */
export type ValueAt = (row: number) => MetricValue;

/** Writes a column of `rows` values. */
export function writeColumn(writer: ByteWriter, rows: number, valueAt: ValueAt): void {
  const scale = commonScale(rows, valueAt);
  if (scale === "texts") writeTexts(writer, rows, valueAt);
  else if (scale === "doubles" || !writeWhole(writer, rows, valueAt, scale)) {
    writer.fixed(DOUBLES, 1);
    for (let row = 0; row < rows; row++) writer.double(Number(valueAt(row)));
  }
}

/** What all values, multiplied by it, are whole numbers. */
function commonScale(rows: number, valueAt: ValueAt): 1 | 100 | "doubles" | "texts" {
  let scale: 1 | 100 | "doubles" = 1;
  for (let row = 0; row < rows; row++) {
    const value = valueAt(row);
    if (typeof value === "string") return "texts";
    if (scale === 1 && !isWhole(value)) scale = 100;
    if (scale === 100 && !isHundredths(value)) scale = "doubles";
  }
  return scale;
}

/** -0 is none: it would come back as 0. */
function isWhole(value: number): boolean {
  return Number.isSafeInteger(value) && !Object.is(value, -0);
}

/** Whether it comes back the same from its hundredths. */
export function isHundredths(value: number): boolean {
  const hundredths = Math.round(value * 100);
  return isWhole(hundredths) && hundredths / 100 === value;
}

/** False, and nothing written, when the values lie too far apart. */
function writeWhole(writer: ByteWriter, rows: number, valueAt: ValueAt, scale: 1 | 100): boolean {
  let least = Number.POSITIVE_INFINITY;
  let most = Number.NEGATIVE_INFINITY;
  for (let row = 0; row < rows; row++) {
    const value = wholeOf(valueAt(row), scale);
    if (value < least) least = value;
    if (value > most) most = value;
  }
  const width = rows === 0 ? 0 : widthOf(most - least);
  if (width > MAX_WIDTH || Math.abs(least) > Number.MAX_SAFE_INTEGER / 2) return false;
  writer.fixed(scale === 1 ? width : width + HUNDREDTHS, 1);
  // The sign in the lowest bit, so that small negative numbers are short too.
  writer.varint(rows === 0 ? 0 : least < 0 ? -least * 2 - 1 : least * 2);
  if (width > 0)
    for (let row = 0; row < rows; row++) writer.fixed(wholeOf(valueAt(row), scale) - least, width);
  return true;
}

function wholeOf(value: MetricValue, scale: 1 | 100): number {
  return scale === 1 ? Number(value) : Math.round(Number(value) * 100);
}

/** Numbers among texts stay numbers: the first letter tells. */
function writeTexts(writer: ByteWriter, rows: number, valueAt: ValueAt): void {
  const places = new Map<string, number>();
  for (let row = 0; row < rows; row++) {
    const text = markedText(valueAt(row));
    if (!places.has(text)) places.set(text, places.size);
  }
  writer.fixed(TEXTS, 1);
  writer.varint(places.size);
  for (const text of places.keys()) writer.text(text);
  const width = widthOf(Math.max(places.size - 1, 0));
  if (width > 0)
    for (let row = 0; row < rows; row++) writer.fixed(places.get(markedText(valueAt(row))) ?? 0, width);
}

function markedText(value: MetricValue): string {
  if (typeof value === "string") return `s${value}`;
  return Object.is(value, -0) ? "n-0" : `n${value}`;
}

function unmarked(text: string): MetricValue {
  return text.startsWith("n") ? Number(text.slice(1)) : text.slice(1);
}

/** The value of one row of a column of `rows`, which the reader passes over. */
export function readOne(reader: ByteReader, rows: number, row: number): MetricValue {
  const head = reader.fixed(1);
  if (head === DOUBLES) return reader.doubleAt(reader.skip(rows * 8) + row * 8);
  if (head === TEXTS) {
    const texts = readTextList(reader);
    const width = widthOf(Math.max(texts.length - 1, 0));
    return unmarked(texts[reader.fixedAt(reader.skip(rows * width) + row * width, width)] ?? "s");
  }
  const { width, hundredths, least } = readWholeHead(reader, head);
  const value = least + reader.fixedAt(reader.skip(rows * width) + row * width, width);
  return hundredths ? value / 100 : value;
}

/** All values of a column. */
export function readAll(reader: ByteReader, rows: number): MetricValue[] {
  const head = reader.fixed(1);
  if (head === DOUBLES) return Array.from({ length: rows }, () => reader.double());
  if (head === TEXTS) {
    const values = readTextList(reader).map(unmarked);
    const width = widthOf(Math.max(values.length - 1, 0));
    return Array.from({ length: rows }, () => values[reader.fixed(width)] ?? "");
  }
  const { width, hundredths, least } = readWholeHead(reader, head);
  return Array.from({ length: rows }, () => {
    const value = least + reader.fixed(width);
    return hundredths ? value / 100 : value;
  });
}

/** The row, in a column of whole numbers, of the last one that is `value`; -1 when none is. */
export function lastRowOf(reader: ByteReader, rows: number, value: number): number {
  const { width, least } = readWholeHead(reader, reader.fixed(1));
  const start = reader.skip(rows * width);
  for (let row = rows - 1; row >= 0; row--)
    if (least + reader.fixedAt(start + row * width, width) === value) return row;
  return -1;
}

function readWholeHead(reader: ByteReader, head: number) {
  const width = head & 0x0f;
  if (width > MAX_WIDTH || head > HUNDREDTHS + MAX_WIDTH) throw new RangeError("No such column.");
  const signed = reader.varint();
  const least = signed % 2 === 0 ? signed / 2 : -(signed + 1) / 2;
  return { width, hundredths: head >= HUNDREDTHS, least };
}

function readTextList(reader: ByteReader): readonly string[] {
  const count = reader.varint();
  if (count > reader.length) throw new RangeError("No such column.");
  return Array.from({ length: count }, () => reader.text());
}
