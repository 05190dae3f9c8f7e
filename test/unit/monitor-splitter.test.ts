import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  codecOf,
  frameForStream,
  type StreamSplitter,
  splitFrames,
  splitLines,
} from "../../shared/monitor/splitter.ts";

/** The stream cut at these places, the same messages whatever they are. */
function throughSplitter(splitter: StreamSplitter, stream: Buffer, cuts: readonly number[]): string[] {
  const places = [
    0,
    ...cuts.map((cut) => cut % (stream.length + 1)).toSorted((a, b) => a - b),
    stream.length,
  ];
  const out: string[] = [];
  for (let index = 1; index < places.length; index += 1) {
    // A copy that is overwritten afterwards, as a socket's buffer may be: nothing may point into it.
    const piece = Buffer.from(stream.subarray(places[index - 1], places[index]));
    out.push(...splitter.push(piece).map((message) => message.toString("latin1")));
    piece.fill("?");
  }
  return [...out, ...splitter.end().map((message) => message.toString("latin1"))];
}

const cuts = fc.array(fc.nat(), { maxLength: 20 });
const reason = (name: string) => expect.objectContaining({ reason: name });

describe("lines", () => {
  const lines = fc.array(fc.stringMatching(/^[A-Za-z0-9 +/=]{1,30}$/), { maxLength: 8 });

  it("are the same however the stream is cut, and the last needs no end", () => {
    fc.assert(
      fc.property(lines, cuts, fc.boolean(), (list, places, ended) => {
        const stream = Buffer.from(list.join("\n") + (ended && list.length > 0 ? "\n" : ""));
        expect(throughSplitter(splitLines(), stream, places)).toEqual(list);
        const bytes = Array.from({ length: stream.length }, (_, index) => index);
        expect(throughSplitter(splitLines(), stream, bytes)).toEqual(list);
      }),
    );
  });

  it("pass over empty ones", () => {
    expect(throughSplitter(splitLines(), Buffer.from("\n\na\n\nb\n"), [])).toEqual(["a", "b"]);
  });

  it("hold no more than one line may have, and go on refusing", () => {
    const splitter = splitLines(10);
    expect(splitter.push(Buffer.from("0123456789\n0123456789"))).toHaveLength(1);
    expect(splitter.held).toBe(10);
    expect(() => splitter.push(Buffer.from("x"))).toThrow(reason("too_large"));
    expect(splitter.held).toBe(0);
    expect(() => splitter.push(Buffer.from("\nA\n"))).toThrow(reason("too_large"));
  });
});

describe("frames", () => {
  const frames = fc.array(fc.uint8Array({ minLength: 1, maxLength: 40 }), { maxLength: 8 });

  it("are the same however the stream is cut", () => {
    fc.assert(
      fc.property(frames, cuts, (list, places) => {
        const stream = Buffer.concat(list.map(frameForStream));
        const expected = list.map((frame) => Buffer.from(frame).toString("latin1"));
        expect(throughSplitter(splitFrames(), stream, places)).toEqual(expected);
        const bytes = Array.from({ length: stream.length }, (_, index) => index);
        expect(throughSplitter(splitFrames(), stream, bytes)).toEqual(expected);
      }),
    );
  });

  it("are refused by the length they announce, before a byte of them came", () => {
    const splitter = splitFrames(100);
    expect(() => splitter.push(Buffer.from([0, 0, 0, 101]))).toThrow(reason("too_large"));
    expect(() => splitter.push(frameForStream(Buffer.from("a")))).toThrow(reason("too_large"));
    expect(() => splitFrames().push(Buffer.from([0, 0, 0, 0]))).toThrow(reason("malformed"));
  });

  it("take no memory for what is only announced", () => {
    const splitter = splitFrames();
    splitter.push(Buffer.from([0, 15, 255, 255, 1]));
    expect(splitter.held).toBe(1);
  });

  it.each([[[0, 0]], [[0, 0, 0, 5]], [[0, 0, 0, 5, 1, 2]]])(
    "are refused when the stream ends after %j",
    (bytes) => {
      const splitter = splitFrames();
      splitter.push(Buffer.from(bytes));
      expect(() => splitter.end()).toThrow(reason("malformed"));
    },
  );
});

it("tells both codecs apart by the first byte of a datagram or stream", () => {
  expect(["L", "S", "M"].map((letter) => codecOf(letter.charCodeAt(0)))).toEqual(["text", "text", "text"]);
  expect([0, 1, 2].map(codecOf)).toEqual(["sealed", "sealed", "sealed"]);
});
