/** A text message's payload as a typed reading. */

import { errorText } from "../errors.ts";
import { parseTemplate } from "../template/parse.ts";
import type { Template } from "../template/types.ts";
import { MAX_PAYLOAD_BYTES, MAX_TEXT_CHARACTERS } from "./limits.ts";
import { logLevel, type Message, readingKind, type TextMessage } from "./message.ts";
import { readExecutions } from "./read-executions.ts";
import { readHost } from "./read-host.ts";
import { readStates } from "./read-states.ts";
import { readVms } from "./read-vms.ts";
import type { Reading } from "./readings.ts";
import { MonitorRefusal } from "./refusal.ts";

/**
 * The message with its payload read. Names nobody knows are kept.
 * @throws MonitorRefusal `unreadable` when the payload is not what its type promises, `too_large` above limits.ts.
 */
export function readMessage(message: TextMessage): Message {
  const { type, status, oid, timestamp } = message;
  return { type, status, oid, timestamp, reading: readPayload(message) };
}

function readPayload({ type, status, payload }: TextMessage): Reading {
  const kind = readingKind(type, status);
  switch (kind) {
    case "beacon":
      return { kind };
    case "failure":
      return { kind, text: keptText(payload) };
    case "log":
      return { kind, level: logLevel(status), text: keptText(payload) };
    case "text":
      return { kind, text: payload };
    case "host":
      return readHost(type, readTemplate(type, payload));
    case "vms":
      return readVms(readTemplate(type, payload));
    case "states":
      return readStates(readTemplate(type, payload));
    case "executions":
      return readExecutions(readTemplate(type, payload));
    default:
      return kind satisfies never;
  }
}

/** Probes' output is read as OpenNebula's core reads it: an unquoted value is one word. */
function readTemplate(type: string, payload: string): Template {
  try {
    return parseTemplate(payload, { maxBytes: MAX_PAYLOAD_BYTES });
  } catch (error) {
    throw new MonitorRefusal("unreadable", `The payload of ${type} is no template: ${errorText(error)}`, {
      cause: error,
    });
  }
}

/** What a person will read: bounded, and without what no store can keep. A failure is cut rather than refused. */
export function keptText(text: string): string {
  return text.slice(0, MAX_TEXT_CHARACTERS).toWellFormed().replaceAll("\0", "\ufffd");
}
