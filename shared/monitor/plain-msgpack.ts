/**
 * Msgpack of plain values only: null, booleans, numbers, strings and arrays. Bytes are scanned before msgpackr reads
 * them, since it honours its extensions (records that build functions, pointers, regular expressions, dates) whatever
 * its options say, and maps would bring names like `__proto__`. What passes cannot balloon: each element was a byte.
 */

import { pack, unpack } from "msgpackr";
import { MonitorRefusal } from "./refusal.ts";

/** Contents nest message, reading, rows, vectors: seven deep. */
const MAX_DEPTH = 12;

export type Plain = null | boolean | number | string | readonly Plain[];

export function packPlain(value: Plain): Buffer {
  return pack(value);
}

/** @throws MonitorRefusal `malformed` for anything but one plain value. */
export function unpackPlain(bytes: Buffer): unknown {
  scan(bytes);
  try {
    const value: unknown = unpack(bytes);
    return value;
  } catch (cause) {
    throw new MonitorRefusal("malformed", "The contents of a frame are no msgpack.", { cause });
  }
}

/** Walks over the tokens, and counts down what the arrays around still want. */
function scan(bytes: Buffer): void {
  const wanted: number[] = [1];
  let at = 0;
  for (;;) {
    while (wanted.length > 0 && wanted[wanted.length - 1] === 0) wanted.pop();
    const last = wanted.length - 1;
    if (last < 0) break;
    wanted[last] = (wanted[last] ?? 0) - 1;
    const token = bytes[at];
    if (token === undefined) throw notPlain();
    const elements = arrayLength(bytes, at, token);
    if (elements === undefined) at += scalarBytes(bytes, at, token);
    else {
      if (wanted.length > MAX_DEPTH) throw notPlain();
      wanted.push(elements);
      at += arrayHeadBytes(token);
    }
    if (at > bytes.length) throw notPlain();
  }
  if (at !== bytes.length) throw notPlain();
}

function arrayLength(bytes: Buffer, at: number, token: number): number | undefined {
  if (token >= 0x90 && token <= 0x9f) return token - 0x90;
  if (token === 0xdc) return at + 3 <= bytes.length ? bytes.readUInt16BE(at + 1) : refuse();
  if (token === 0xdd) return at + 5 <= bytes.length ? bytes.readUInt32BE(at + 1) : refuse();
  return undefined;
}

function arrayHeadBytes(token: number): number {
  if (token === 0xdc) return 3;
  return token === 0xdd ? 5 : 1;
}

/** Bytes of a token that is no array. 64 bit integers do not fit a number: ours are sent as floats. */
function scalarBytes(bytes: Buffer, at: number, token: number): number {
  if (token < 0x80 || token >= 0xe0) return 1;
  if (token >= 0xa0 && token <= 0xbf) return 1 + token - 0xa0;
  switch (token) {
    case 0xc0:
    case 0xc2:
    case 0xc3:
      return 1;
    case 0xcc:
    case 0xd0:
      return 2;
    case 0xcd:
    case 0xd1:
      return 3;
    case 0xca:
    case 0xce:
    case 0xd2:
      return 5;
    case 0xcb:
      return 9;
    case 0xd9:
      return 2 + (bytes[at + 1] ?? 0);
    case 0xda:
      return at + 3 <= bytes.length ? 3 + bytes.readUInt16BE(at + 1) : refuse();
    case 0xdb:
      return at + 5 <= bytes.length ? 5 + bytes.readUInt32BE(at + 1) : refuse();
    default:
      return refuse();
  }
}

function refuse(): never {
  throw notPlain();
}

function notPlain(): MonitorRefusal {
  return new MonitorRefusal(
    "malformed",
    "The contents of a frame are not plain msgpack: null, booleans, numbers, strings and arrays are allowed.",
  );
}
