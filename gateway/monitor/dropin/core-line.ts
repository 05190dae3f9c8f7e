/** Lines between oned and its monitoring daemon: `TYPE STATUS OID PAYLOAD`, the payload deflated and in base64 (spec monitoring.md 2). */

import { deflateSync } from "node:zlib";
import { decodeBase64 } from "../../../shared/monitor/base64.ts";
import { inflateBounded } from "../../../shared/monitor/inflate.ts";
import { MAX_OBJECT_ID } from "../../../shared/monitor/limits.ts";
import { NO_OBJECT } from "../../../shared/monitor/message.ts";
import { MonitorRefusal } from "../../../shared/monitor/refusal.ts";
import { legalText } from "../../../shared/xml/print.ts";

/** What oned says. */
const ORDERS = [
  "INIT",
  "FINALIZE",
  "HOST_LIST",
  "UPDATE_HOST",
  "DEL_HOST",
  "START_MONITOR",
  "STOP_MONITOR",
  "RAFT_STATUS",
] as const;

export type CoreOrder = (typeof ORDERS)[number];

/** What the daemon says; INIT and FINALIZE are answered with words alone. */
export type CoreReport = "HOST_STATE" | "HOST_SYSTEM" | "VM_STATE" | "VM_EXEC" | "LOG";

export interface CoreLine {
  readonly type: CoreOrder;
  /** The host's id; NO_OBJECT for none. */
  readonly oid: number;
  /** Empty when there is none. */
  readonly payload: string;
}

/** A payload after inflating: the documents of all hosts, some 4 KB each. */
const MAX_PAYLOAD_BYTES = 128 * 1024 * 1024;

/** The longest head of all types. */
const MAX_HEAD_BYTES = 96;

/** oned writes single blanks; INIT and FINALIZE come without anything behind them. */
const HEAD = /^([A-Z_]{1,32})(?: +(\S{1,32})(?: +(-?\d{1,10})(?= |$))?)? */;

/** @throws MonitorRefusal `malformed` or `too_large`: what is wrong with the line. */
export function readCoreLine(line: Buffer): CoreLine {
  const [head, type = "", , id] = HEAD.exec(line.toString("latin1", 0, MAX_HEAD_BYTES)) ?? [];
  const order = ORDERS.find((name) => name === type);
  if (head === undefined || order === undefined)
    throw new MonitorRefusal(
      "malformed",
      `A line of oned begins with ${JSON.stringify(line.toString("latin1", 0, 32))}: one of ${ORDERS.join(", ")} is expected.`,
    );
  const oid = Number(id ?? NO_OBJECT);
  if (oid < NO_OBJECT || oid > MAX_OBJECT_ID)
    throw new MonitorRefusal(
      "malformed",
      `${order} is about ${oid}: -1 or an id up to ${MAX_OBJECT_ID} is expected.`,
    );
  const body = line.toString("latin1", head.length).trimEnd();
  return { type: order, oid, payload: body === "" ? "" : payloadOf(order, body) };
}

function payloadOf(type: CoreOrder, body: string): string {
  const compressed = decodeBase64(body);
  if (compressed === undefined)
    throw new MonitorRefusal(
      "malformed",
      `The payload of ${type} is no base64: standard base64 is expected.`,
    );
  const what = () => `The payload of ${type}`;
  return inflateBounded(compressed, { format: "zlib", maxBytes: MAX_PAYLOAD_BYTES, what }).toString("utf8");
}

/**
 * One line, with its end. `status` is SUCCESS, "-", or the letter of a LOG. Hosts say what is in it, and oned keeps it in
 * XML: a control character would make the host unreadable for every client, and for oned itself.
 */
export function printCoreLine(type: CoreReport, status: string, oid: number, payload: string): string {
  const body = payload === "" ? "" : deflateSync(legalText(payload), { level: 9 }).toString("base64");
  return `${type} ${status} ${oid} ${body}\n`;
}
