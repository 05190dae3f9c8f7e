import { describe, expect, it } from "vitest";
import { packMessages, unpackMessages } from "../../shared/monitor/packed-contents.ts";
import { printMessage } from "../../shared/monitor/print.ts";
import { readMessage } from "../../shared/monitor/read.ts";
import { decodeTextMessage, encodeTextMessage } from "../../shared/monitor/text.ts";
import { monitorRecordings, recordedKeys } from "../support/monitor-recordings.ts";

const RECORDINGS = monitorRecordings();
const { privateKey, publicKey } = recordedKeys();

it("has all the recorded messages before it, plain and encrypted", () => {
  expect(RECORDINGS).toHaveLength(59);
  expect(RECORDINGS.filter(({ encrypted }) => encrypted)).toHaveLength(21);
  expect(new Set(RECORDINGS.map(({ type }) => type))).toEqual(
    new Set(["BEACON_HOST", "EXEC_VM", "MONITOR_HOST", "MONITOR_VM", "STATE_VM", "SYSTEM_HOST"]),
  );
});

describe.each(RECORDINGS)("$name", ({ bytes, encrypted, type, status, oid, timestamp, payload }) => {
  const expected = { message: { type, status, oid, timestamp, payload }, encrypted };

  it("decodes to what was recorded, with a line end or none", () => {
    expect(decodeTextMessage(bytes, { privateKey })).toEqual(expected);
    expect(decodeTextMessage(Buffer.concat([bytes, Buffer.from("\n")]), { privateKey })).toEqual(expected);
  });

  it("encodes to a message that decodes to the same, plain and encrypted", () => {
    const { message } = decodeTextMessage(bytes, { privateKey });
    expect(decodeTextMessage(encodeTextMessage(message))).toEqual({ message, encrypted: false });
    const sealed = encodeTextMessage(message, publicKey);
    expect(decodeTextMessage(sealed, { privateKey })).toEqual({ message, encrypted: true });
  });

  it("reads as the same when printed, and when sealed", () => {
    const message = readMessage(decodeTextMessage(bytes, { privateKey }).message);
    expect(readMessage(printMessage(message))).toEqual(message);
    const contents = { sentMs: timestamp * 1000, messages: [message] };
    expect(unpackMessages(packMessages(contents))).toEqual(contents);
  });
});
