/**
 * The monitor message: what an agent tells the daemon, as one typed value. Two codecs carry it: `text.ts`, as
 * OpenNebula's agents speak, and `sealed.ts`, our own (design.md, "Monitor messages").
 */

import type { LogLevel, Reading } from "./readings.ts";

/** In the order of OpenNebula's numbers, from 0 (spec monitoring.md 2); sealed frames carry the number. */
export const MESSAGE_TYPES = [
  "UNDEFINED",
  "INIT",
  "FINALIZE",
  "MONITOR_VM",
  "BEACON_HOST",
  "MONITOR_HOST",
  "SYSTEM_HOST",
  "STATE_VM",
  "START_MONITOR",
  "STOP_MONITOR",
  "LOG",
  "EXEC_VM",
] as const;

export type MessageType = (typeof MESSAGE_TYPES)[number];

/**
 * `-` is "not applicable", single letters are levels of LOG (spec monitoring.md 2). Sealed frames carry the place in
 * this list: new ones go to its end.
 */
export const MESSAGE_STATUSES = ["-", "SUCCESS", "FAILURE", "ERROR", "ONLINE", "E", "W", "I", "D"] as const;

export type MessageStatus = (typeof MESSAGE_STATUSES)[number];

/** The object id of a message that is about none. */
export const NO_OBJECT = -1;

export interface MessageHead {
  readonly type: MessageType;
  readonly status: MessageStatus;
  /** The host's id; NO_OBJECT for none. */
  readonly oid: number;
  /** When it was measured: whole seconds since the epoch, by the sender's clock; 0: not known. */
  readonly timestamp: number;
}

/** A message as the text codec carries it: the payload is template text, or any text for LOG and failures. */
export interface TextMessage extends MessageHead {
  readonly payload: string;
}

/** A message whose payload was read. */
export interface Message extends MessageHead {
  readonly reading: Reading;
  /**
   * Of a message that must arrive: its number, which rises for the life of the agent's key (see firstDelivery). The
   * daemon acknowledges it, and does not apply it twice. Only sealed frames carry it.
   */
  readonly delivery?: number | undefined;
}

/** What must not be lost: sent over TCP, acknowledged, sent again until it is (design.md). */
export const ACKNOWLEDGED_TYPES: readonly MessageType[] = Object.freeze(["STATE_VM", "SYSTEM_HOST"]);

export function mustArrive(type: MessageType): boolean {
  return ACKNOWLEDGED_TYPES.includes(type);
}

/** The number of a type, UNDEFINED 0 to EXEC_VM 11. */
export function messageTypeNumber(type: MessageType): number {
  return MESSAGE_TYPES.indexOf(type);
}

export function isMessageType(text: string): text is MessageType {
  return MESSAGE_TYPES.some((type) => type === text);
}

export function isMessageStatus(text: string): text is MessageStatus {
  return MESSAGE_STATUSES.some((status) => status === text);
}

/** What a FAILURE or ERROR brings is a sentence, not a reading. */
export function isFailure(status: MessageStatus): boolean {
  return status === "FAILURE" || status === "ERROR";
}

const KIND_OF_TYPE: Readonly<Record<MessageType, Reading["kind"]>> = {
  UNDEFINED: "text",
  INIT: "text",
  FINALIZE: "text",
  MONITOR_VM: "vms",
  BEACON_HOST: "beacon",
  MONITOR_HOST: "host",
  SYSTEM_HOST: "host",
  STATE_VM: "states",
  START_MONITOR: "text",
  STOP_MONITOR: "text",
  LOG: "log",
  EXEC_VM: "executions",
};

/** What kind of reading a message of this type and status holds. */
export function readingKind(type: MessageType, status: MessageStatus): Reading["kind"] {
  return isFailure(status) && type !== "LOG" ? "failure" : KIND_OF_TYPE[type];
}

/** The level of a LOG: the first letter of the status tells it (spec monitoring.md 2). */
export function logLevel(status: MessageStatus): LogLevel {
  if (status.startsWith("E")) return "error";
  if (status === "W") return "warning";
  return status === "D" ? "debug" : "info";
}
