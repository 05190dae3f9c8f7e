/**
 * A probe that fails does not cost its host the others' data: our agent sends what it printed as a FAILURE beside the
 * SUCCESS of the same round, in one frame. Such a failure is logged, and does not make the host ERROR; upstream's
 * agents send a FAILURE alone, which does (spec monitoring.md 4 and 5).
 */

import type { Message } from "../../shared/monitor/message.ts";

/** The messages of one frame, each failure with a success of its round turned into a line of log; numbers are kept. */
export function withPartialFailures(messages: readonly Message[]): readonly Message[] {
  if (!messages.some(({ reading }) => reading.kind === "failure")) return messages;
  return messages.map((message) => {
    const { reading } = message;
    if (reading.kind !== "failure" || !messages.some((other) => isOfRound(other, message))) return message;
    const text = `${message.type} failed in part: ${reading.text}`;
    return { ...message, type: "LOG", status: "W", reading: { kind: "log", level: "warning", text } };
  });
}

function isOfRound(other: Message, failure: Message): boolean {
  return (
    other.reading.kind !== "failure" &&
    other.type === failure.type &&
    other.oid === failure.oid &&
    other.timestamp === failure.timestamp
  );
}
