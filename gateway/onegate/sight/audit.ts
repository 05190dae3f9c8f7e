/**
 * What of the requests is kept for an audit: each write, action, token and refusal, as a record of bounded size, with
 * names of what was touched and never a value. Floods of refusals are folded.
 */

import type { Clock } from "../../../shared/clock.ts";
import { redactText } from "../../../shared/redact.ts";
import { isRefusal, type RequestSeen } from "./observer.ts";
import { type Folded, RefusalFolds } from "./refusal-folds.ts";

/** One line, as an object; docs/onegate.md has the table. */
export interface AuditRecord {
  /** ISO 8601, UTC. */
  readonly time: string;
  readonly request: string;
  readonly address: string;
  readonly vm?: number;
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly what?: string;
  readonly target?: string;
  readonly details?: readonly string[];
  /** So many more than the details of one line have room for. */
  readonly more?: number;
  readonly refusal?: string;
  /** So many more like this one, this and those before it since the line that it folds. */
  readonly repeated?: number;
}

/** Characters of a text: what a guest sends must not become a line as long. */
const MAX_TEXT = 512;
const MAX_DETAIL = 128;
/** Bytes of all the details of a line: one VM's writes must not turn over the whole trail. */
const MAX_DETAILS_BYTES = 1_024;
/** What was no JSON is anything that a guest wrote: of that, so many characters. */
const UNREADABLE = /(unexpected token at '.{24})(?!'$).+$/s;

export interface AuditTrail {
  seen(request: RequestSeen): void;
  /** Writes what is still folded. */
  close(): void;
}

/** `write` gets the records as they are due. */
export function createAuditTrail(clock: Clock, write: (record: AuditRecord) => void): AuditTrail {
  const folds = new RefusalFolds(clock, ({ last, at, repeated }: Folded) =>
    write({ ...recordOf(last, at), repeated }),
  );
  return {
    seen(request) {
      if (!isAudited(request)) return;
      const now = clock.now();
      if (isRefusal(request.status) && folds.takes(request, now)) return;
      write(recordOf(request, now));
    },
    close: () => folds.close(),
  };
}

/** Reads that went well leave no trace, unless a handler noted something: an identity token is asked for by GET. */
export function isAudited({ method, status, note }: RequestSeen): boolean {
  return isRefusal(status) || note !== undefined || (method !== "GET" && method !== "HEAD");
}

function recordOf(request: RequestSeen, at: number): AuditRecord {
  const { id, address, vmId, method, path, status, note, refusal } = request;
  return {
    time: new Date(at).toISOString(),
    request: id,
    address: bounded(address, MAX_DETAIL),
    ...(vmId === undefined ? {} : { vm: vmId }),
    method: bounded(method, MAX_DETAIL),
    path: bounded(redactText(withoutQuery(path)), MAX_TEXT),
    status,
    ...(note === undefined ? {} : { what: note.what }),
    ...(note?.target === undefined ? {} : { target: bounded(note.target, MAX_DETAIL) }),
    ...(note?.details === undefined ? {} : detailsOf(note.details)),
    ...(refusal === undefined ? {} : { refusal: sentenceOf(refusal) }),
  };
}

/** As many as there is room for, and how many more there are. */
function detailsOf(all: readonly string[]): Pick<AuditRecord, "details" | "more"> {
  const details: string[] = [];
  let bytes = 0;
  for (const one of all) {
    const detail = bounded(one, MAX_DETAIL);
    bytes += Buffer.byteLength(jsonText(detail)) + 1;
    if (bytes > MAX_DETAILS_BYTES) return { details, more: all.length - details.length };
    details.push(detail);
  }
  return { details };
}

function sentenceOf(refusal: string): string {
  return bounded(redactText(refusal).replace(UNREADABLE, "$1…'"), MAX_TEXT);
}

function withoutQuery(path: string): string {
  const start = path.indexOf("?");
  return start < 0 ? path : path.slice(0, start);
}

function bounded(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length)}…` : text;
}

/** Controls and turned text: JSON escapes the first 32 by itself, the rest would still reach a terminal. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu;

/** One line of JSON with its line break, free of control characters whatever the record holds. */
export function auditLine(record: AuditRecord): string {
  return `${jsonText(record)}\n`;
}

function jsonText(value: AuditRecord | string): string {
  return JSON.stringify(value).replace(UNPRINTABLE, (character) =>
    // By UTF-16 unit, as JSON escapes; characters beyond 0xffff have two.
    character
      .split("")
      .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
      .join(""),
  );
}
