/** Recorded metrics as a table: one row a moment, one column a metric; `simulate` replays them. */

import { GatehouseError } from "../../../shared/errors.ts";
import { excerpt } from "./error.ts";
import { parseReference } from "./expression.ts";
import { plainKey } from "./readings.ts";
import { parseStartTime } from "./start-time.ts";

/** One value of a metric at a moment. */
export interface RecordedMetric {
  /** ms since the epoch. */
  readonly at: number;
  /** Undefined: every role of the service. */
  readonly role: string | undefined;
  /** Any number of the VM, the same in all its rows; undefined: every VM of the role, those made later too. */
  readonly vm: number | undefined;
  /** `CPU`, or in one place `MONITORING.CPU`. */
  readonly key: string;
  /** As it was reported. */
  readonly text: string;
}

const MAX_ROWS = 1_000_000;
const TIME_COLUMNS = ["time", "timestamp", "at"];

/**
 * The head names the columns: `time` (seconds since the epoch, or a date and a time), perhaps `role` and `vm`, and the
 * metrics. An empty cell says nothing.
 * @param zone for times without an offset; undefined: the zone of the process.
 * @throws GatehouseError `bad_request` with the line.
 */
export function parseMetricsCsv(text: string, zone?: string | undefined): readonly RecordedMetric[] {
  const lines = text.split(/\r?\n/);
  const head = cellsOf(lines[0] ?? "", 1).map((cell) => cell.trim());
  const columns = head.map((name, index) => columnOf(name, index));
  if (!columns.includes("time")) throw wrong(1, "the head needs a column time");
  if (lines.length > MAX_ROWS) throw wrong(MAX_ROWS, `there may be at most ${MAX_ROWS} lines`);
  const readTime = timeReader(zone);
  return lines.slice(1).flatMap((line, index) => {
    if (line.trim() === "") return [];
    return metricsOf(cellsOf(line, index + 2), columns, index + 2, readTime);
  });
}

type TimeReader = (cell: string, line: number) => number;

function metricsOf(
  cells: readonly string[],
  columns: readonly string[],
  line: number,
  readTime: TimeReader,
): readonly RecordedMetric[] {
  if (cells.length !== columns.length)
    throw wrong(line, `it has ${cells.length} cells, and the head ${columns.length}`);
  const cell = (column: string): string => cells[columns.indexOf(column)]?.trim() ?? "";
  const at = readTime(cell("time"), line);
  const role = cell("role") === "" ? undefined : cell("role");
  const vmText = cell("vm");
  if (!/^[0-9]{0,9}$/.test(vmText)) throw wrong(line, `${excerpt(vmText)} is no number of a VM`);
  const vm = vmText === "" ? undefined : Number(vmText);
  return columns.flatMap((key, index) => {
    const value = cells[index]?.trim() ?? "";
    return NAMED.has(key) || value === "" ? [] : [{ at, role, vm, key, text: value }];
  });
}

const NAMED: ReadonlySet<string> = new Set(["time", "role", "vm"]);

function columnOf(name: string, index: number): string {
  const lower = name.toLowerCase();
  if (TIME_COLUMNS.includes(lower)) return "time";
  if (lower === "role" || lower === "vm") return lower;
  try {
    return plainKey(parseReference(name));
  } catch (cause) {
    throw wrong(
      1,
      `column ${index + 1}, ${excerpt(name)}, is neither time, role, vm nor the name of a metric`,
      cause,
    );
  }
}

function timeReader(zone: string | undefined): TimeReader {
  return (cell, line) => {
    if (/^[0-9]{1,11}(?:\.[0-9]{1,9})?$/.test(cell)) return Math.round(Number(cell) * 1000);
    try {
      return parseStartTime(cell, zone).at(0) * 1000;
    } catch (cause) {
      throw wrong(line, `${excerpt(cell)} is no time`, cause);
    }
  };
}

/** RFC 4180 within one line: cells may be quoted, with "" for a quote. */
function cellsOf(line: string, number: number): readonly string[] {
  const cells = [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^",]*))(?=,|$)/g)];
  const width = cells.reduce((total, [cell]) => total + cell.length, 0);
  if (width !== line.length) throw wrong(number, "a quote does not end where its cell does");
  return cells.map(([, quoted, plain = ""]) => quoted?.replaceAll('""', '"') ?? plain);
}

function wrong(line: number, what: string, cause?: unknown): GatehouseError {
  return new GatehouseError("bad_request", `Line ${line} of the metrics cannot be read: ${what}.`, { cause });
}
