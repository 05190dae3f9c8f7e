/** What a round of probes told, as messages: one of all that could be read, and before it one of what failed. */

import { errorText } from "../../shared/errors.ts";
import { isFailure, type Message, type MessageHead, type MessageType } from "../../shared/monitor/message.ts";
import { keptText, readMessage } from "../../shared/monitor/read.ts";
import type { Reading } from "../../shared/monitor/readings.ts";
import type { ProbeText, RoundOutcome } from "./group-round.ts";

export type Head = Pick<MessageHead, "oid" | "timestamp">;

/** What was read of a round, and what of it failed. */
export interface RoundReading {
  /** Undefined when nothing was told. */
  readonly reading: Reading | undefined;
  readonly failures: readonly string[];
}

/**
 * The texts of a round read as one payload. Where that fails each is read alone, so that one probe that prints
 * something else costs the others nothing.
 */
export function readRound(type: MessageType, head: Head, outcome: RoundOutcome): RoundReading {
  const { told, failures } = outcome;
  if (told.length === 0) return { reading: undefined, failures };
  try {
    return { reading: readText(type, head, joined(told)), failures };
  } catch {
    return readOneByOne(type, head, outcome);
  }
}

function readOneByOne(type: MessageType, head: Head, { told, failures }: RoundOutcome): RoundReading {
  const wrong: string[] = [];
  const good = told.filter(({ probe, text }) => {
    try {
      readText(type, head, text);
      return true;
    } catch (error) {
      wrong.push(`Error executing ${probe}: ${errorText(error)}`);
      return false;
    }
  });
  const all = [...failures, ...wrong];
  if (good.length === 0) return { reading: undefined, failures: all };
  try {
    return { reading: readText(type, head, joined(good)), failures: all };
  } catch (error) {
    // Each is good, and together they are too large.
    return { reading: undefined, failures: [...all, errorText(error)] };
  }
}

/**
 * Messages of a round, the failure first: where both come the host is known to live, and its data stand (the daemon's
 * last word on it is the success). Upstream's agent sends the failure alone (spec monitoring.md 4).
 */
export function composeRound(type: MessageType, head: Head, { reading, failures }: RoundReading): Message[] {
  const messages: Message[] = [];
  if (failures.length > 0) messages.push(failureMessage(type, head, failures));
  if (reading !== undefined) messages.push({ type, status: "SUCCESS", ...head, reading });
  return messages;
}

export function failureMessage(type: MessageType, head: Head, failures: readonly string[]): Message {
  const text = keptText(failures.join("\n"));
  return {
    type,
    status: "FAILURE",
    oid: head.oid,
    timestamp: head.timestamp,
    reading: { kind: "failure", text },
  };
}

/** For the daemon's log. */
export function warningMessage(head: Head, sentence: string): Message {
  const text = keptText(sentence);
  return { type: "LOG", status: "W", ...head, reading: { kind: "log", level: "warning", text } };
}

/** Whether it tells measurements, and no failure or log. */
export function isData({ type, status }: Message): boolean {
  return type !== "LOG" && !isFailure(status);
}

function readText(type: MessageType, head: Head, payload: string): Reading {
  return readMessage({ type, status: "SUCCESS", ...head, payload }).reading;
}

function joined(told: readonly ProbeText[]): string {
  return told.map(({ text }) => text.trim()).join("\n");
}
