/**
 * What a sealed frame holds, as msgpack. To the daemon: `[time of sending, messages]`, each message
 * `[type, status, oid, timestamp, delivery, reading...]`. To the agent: `[time of sending, acknowledged deliveries, renew]`.
 */

import { GatehouseError } from "../errors.ts";
import { MAX_ITEMS, MAX_OBJECT_ID, MAX_TIMESTAMP } from "./limits.ts";
import {
  logLevel,
  MESSAGE_STATUSES,
  MESSAGE_TYPES,
  type Message,
  type MessageStatus,
  messageTypeNumber,
  NO_OBJECT,
  readingKind,
} from "./message.ts";
import { packReading, unpackReading, unpackText } from "./packed-reading.ts";
import { misshapen, PlainFields } from "./plain-fields.ts";
import { type Plain, packPlain, unpackPlain } from "./plain-msgpack.ts";
import type { Reading } from "./readings.ts";

/** From an agent. */
export interface MessageContents {
  /** By the sender's clock, ms since the epoch; a spooled message was measured long before. */
  readonly sentMs: number;
  readonly messages: readonly Message[];
}

/** From the daemon: these deliveries are kept, and need not be sent again. */
export interface AcknowledgementContents {
  readonly sentMs: number;
  readonly deliveries: readonly number[];
  /**
   * The daemon cannot tell frames of this boot from repeated ones, since it was started anew: the agent is to take its
   * next boot id, and to send again what is not acknowledged.
   */
  readonly renew: boolean;
}

/** @throws GatehouseError `too_large` above MAX_ITEMS. */
export function packMessages({ sentMs, messages }: MessageContents): Buffer {
  checkItems(messages);
  return packPlain([sentMs, messages.map(packMessage)]);
}

/** @throws GatehouseError `too_large` above MAX_ITEMS. */
export function packAcknowledgement({ sentMs, deliveries, renew }: AcknowledgementContents): Buffer {
  checkItems(deliveries);
  return packPlain([sentMs, deliveries, renew]);
}

/** @throws MonitorRefusal `malformed`. */
export function unpackMessages(bytes: Buffer): MessageContents {
  const fields = new PlainFields(unpackPlain(bytes));
  const sentMs = unpackTime(fields);
  const messages = unpackItems(fields).map(unpackMessage);
  fields.end();
  return { sentMs, messages };
}

/** @throws MonitorRefusal `malformed`. */
export function unpackAcknowledgement(bytes: Buffer): AcknowledgementContents {
  const fields = new PlainFields(unpackPlain(bytes));
  const sentMs = unpackTime(fields);
  const items = unpackItems(fields);
  const numbers = new PlainFields(items);
  const deliveries = items.map(() => numbers.whole(1, Number.MAX_SAFE_INTEGER));
  const renew = fields.boolean();
  fields.end();
  return { sentMs, deliveries, renew };
}

function checkItems({ length }: readonly unknown[]): void {
  if (length <= MAX_ITEMS) return;
  throw new GatehouseError(
    "too_large",
    `A frame of ${length} items cannot be sent: at most ${MAX_ITEMS} are allowed.`,
  );
}

function unpackTime(fields: PlainFields): number {
  return fields.whole(0, Number.MAX_SAFE_INTEGER);
}

function unpackItems(fields: PlainFields): readonly unknown[] {
  const items = fields.next();
  if (!Array.isArray(items) || items.length > MAX_ITEMS)
    throw misshapen(`a list of at most ${MAX_ITEMS} items`);
  return items;
}

function packMessage({ type, status, oid, timestamp, delivery, reading }: Message): Plain {
  if (reading.kind !== readingKind(type, status))
    throw new GatehouseError(
      "internal",
      `A message ${type} ${status} cannot hold a reading of ${reading.kind}.`,
    );
  const head = [messageTypeNumber(type), MESSAGE_STATUSES.indexOf(status), oid, timestamp, delivery ?? 0];
  return [...head, ...packReading(reading)];
}

function unpackMessage(value: unknown): Message {
  const fields = new PlainFields(value);
  const type = fields.pick(MESSAGE_TYPES);
  const status = fields.pick(MESSAGE_STATUSES);
  const oid = fields.whole(NO_OBJECT, MAX_OBJECT_ID);
  const timestamp = fields.whole(0, MAX_TIMESTAMP);
  const delivery = fields.whole(0, Number.MAX_SAFE_INTEGER);
  const reading = unpackMessageReading(readingKind(type, status), status, fields);
  fields.end();
  const message = { type, status, oid, timestamp, reading };
  return delivery === 0 ? message : { ...message, delivery };
}

function unpackMessageReading(kind: Reading["kind"], status: MessageStatus, fields: PlainFields): Reading {
  if (kind === "log") return { kind, level: logLevel(status), text: unpackText(fields) };
  return unpackReading(kind, fields);
}
