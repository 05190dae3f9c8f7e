/** A reading as lines of text that fit a terminal; it needs no colours. */

import type { Reading, RouteReading } from "./reading.ts";

export interface PageSize {
  readonly columns: number;
  readonly rows: number;
}

const MEBIBYTE = 1_024 * 1_024;
const HEAD_LINES = 5;
/** A table's head, and the empty line above it. */
const TABLE_LINES = 2;

/** At most `rows` lines of at most `columns` characters, all of them plain ASCII. */
export function pageLines(reading: Reading, { columns, rows }: PageSize): readonly string[] {
  const room = Math.max(0, rows - HEAD_LINES - 2 * TABLE_LINES);
  const vms = reading.vms.filter(({ requestsPerSecond }) => requestsPerSecond > 0);
  // Half for either, and what one of them leaves for the other.
  const routeLines = Math.min(reading.routes.length, Math.max(Math.ceil(room / 2), room - vms.length));
  const lines = [
    ...head(reading),
    "",
    "SLOWEST ROUTES               REQ/S   FAILED/S     MEAN MS      P50 MS      P99 MS",
    ...reading.routes.slice(0, routeLines).map(routeLine),
    "",
    "NOISIEST VMS                 REQ/S",
    ...vms.slice(0, room - routeLines).map(vmLine),
  ];
  return lines.slice(0, rows).map((line) => printable(line).slice(0, columns).trimEnd());
}

function head(reading: Reading): readonly string[] {
  const { connections, rssBytes, heapBytes } = reading;
  const open = Object.entries(connections).map(([server, count]) => `${server} ${count}`);
  return [
    `requests  ${perSecond(reading.requestsPerSecond)}   failed ${perSecond(reading.failedPerSecond)}   p50 ${ms(reading.p50Ms)}   p99 ${ms(reading.p99Ms)}`,
    `refused   rate-limited ${perSecond(reading.rateLimitedPerSecond)}   wrong tokens ${perSecond(reading.wrongTokensPerSecond)}   waiters ${reading.waiters}`,
    `store     commits ${perSecond(reading.commitsPerSecond)}   flushes ${perSecond(reading.flushesPerSecond)}   waiting ${reading.commitsWaiting}`,
    `audit     lines ${perSecond(reading.auditLinesPerSecond)}   dropped ${reading.auditLinesDropped}`,
    `process   memory ${Math.round(rssBytes / MEBIBYTE)} MiB   heap ${Math.round(heapBytes / MEBIBYTE)} MiB   connections ${open.join(", ")}`,
  ];
}

function routeLine({ route, method, ...rates }: RouteReading): string {
  const { requestsPerSecond, failedPerSecond, meanMs, p50Ms, p99Ms } = rates;
  const numbers = [
    number(requestsPerSecond).padStart(8),
    number(failedPerSecond).padStart(11),
    ...[meanMs, p50Ms, p99Ms].map((value) => number(value).padStart(12)),
  ];
  return `${`${method} ${route}`.slice(0, 25).padEnd(26)}${numbers.join("")}`;
}

function vmLine({ vmId, requestsPerSecond }: Reading["vms"][number]): string {
  return `VM ${String(vmId).padEnd(23)}${number(requestsPerSecond).padStart(8)}`;
}

function perSecond(value: number): string {
  return `${number(value)}/s`;
}

function ms(value: number | null): string {
  return value === null ? "-" : `${number(value)} ms`;
}

/** Three digits that count: 0.05, 4.2, 1250. */
function number(value: number): string {
  if (value >= 100) return String(Math.round(value));
  return String(Number(value.toPrecision(3)));
}

/** What comes from elsewhere must not move the cursor. */
function printable(line: string): string {
  return line.replace(/[^\x20-\x7e]/g, "?");
}
