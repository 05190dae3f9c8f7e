/**
 * The head of a text message: `TYPE STATUS OID TIMESTAMP `, single blanks (spec monitoring.md 2). Cheap, so that an
 * allow-list and limits can decide before anything is inflated.
 *
 * Seed 004 draws the order TYPE, OID, STATUS; the recordings and upstream's code have STATUS first. Both are read: a
 * status is a word of a closed list and an id is a number, and where either is "-" both orders mean the same, so no
 * message of one order can be taken for another of the other. Printed is the recorded order alone.
 */

import { MAX_OBJECT_ID, MAX_TEXT_BYTES, MAX_TIMESTAMP } from "./limits.ts";
import { isMessageStatus, isMessageType, type MessageHead, NO_OBJECT } from "./message.ts";
import { MonitorRefusal } from "./refusal.ts";

/** The longest head of all types and statuses has 53 characters. */
const MAX_HEAD_BYTES = 64;

const BLANK = 32;
const NEWLINE = 10;

const OBJECT_ID = /^(-|-1|[0-9]{1,10})$/;
const TIMESTAMP = /^[0-9]{1,11}$/;

export interface SplitText {
  readonly head: MessageHead;
  /** Base64, not yet looked at; empty when there is no payload. */
  readonly body: string;
}

/**
 * Head and body of one message, with a line end behind it or none.
 * @throws MonitorRefusal `malformed`, or `too_large` above MAX_TEXT_BYTES.
 */
export function splitTextMessage(bytes: Uint8Array): SplitText {
  if (bytes.length > MAX_TEXT_BYTES)
    throw new MonitorRefusal(
      "too_large",
      `A text message of ${bytes.length} bytes came: at most ${MAX_TEXT_BYTES} are read.`,
    );
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = buffer.at(-1) === NEWLINE ? buffer.length - 1 : buffer.length;
  const headEnd = endOfHead(buffer, end);
  const head = parseHead(buffer.toString("latin1", 0, headEnd));
  return { head, body: buffer.toString("latin1", Math.min(headEnd + 1, end), end) };
}

/** `TYPE STATUS OID TIMESTAMP`, with no blank at its end. */
export function printHead({ type, status, oid, timestamp }: MessageHead): string {
  return `${type} ${status} ${oid} ${timestamp}`;
}

/** Where the fourth blank stands, or the message ends when it has no payload. */
function endOfHead(buffer: Buffer, end: number): number {
  const limit = Math.min(end, MAX_HEAD_BYTES);
  let blanks = 0;
  for (let at = 0; at < limit; at += 1) {
    if (buffer[at] !== BLANK) continue;
    blanks += 1;
    if (blanks === 4) return at;
  }
  if (limit === end) return end;
  throw new MonitorRefusal(
    "malformed",
    `A text message must begin with TYPE STATUS OID TIMESTAMP, in ${MAX_HEAD_BYTES} bytes at most.`,
  );
}

function parseHead(text: string): MessageHead {
  const [type = "", second = "", third = "", time = "", ...others] = text.split(" ");
  const [status, id] = isMessageStatus(second) && OBJECT_ID.test(third) ? [second, third] : [third, second];
  if (!isMessageType(type)) throw wrong("type", type, "one of the twelve, such as MONITOR_VM,");
  if (!isMessageStatus(status))
    throw wrong("status", status, "SUCCESS, FAILURE, -, ERROR, ONLINE, E, W, I or D");
  const oid = id === "-" ? NO_OBJECT : Number(id);
  if (!OBJECT_ID.test(id) || oid > MAX_OBJECT_ID)
    throw wrong("object id", id, `-, -1 or a whole number up to ${MAX_OBJECT_ID}`);
  if (!TIMESTAMP.test(time) || Number(time) > MAX_TIMESTAMP || others.length > 0)
    throw wrong("timestamp", time, "whole seconds since the epoch");
  return { type, status, oid, timestamp: Number(time) };
}

function wrong(what: string, value: string, allowed: string): MonitorRefusal {
  return new MonitorRefusal(
    "malformed",
    `A text message has the ${what} ${JSON.stringify(value.slice(0, 32))}: ${allowed} is expected.`,
  );
}
