/**
 * Messages out of TCP streams, however the bytes are cut: lines of text, and sealed frames behind their length. What is
 * held back is at most one message, and what a length promises is not allocated before it arrives.
 */

import { MAX_FRAME_BYTES, MAX_TEXT_BYTES } from "./limits.ts";
import { MonitorRefusal } from "./refusal.ts";

/** A frame on a stream stands behind its length: four bytes, big-endian. */
const LENGTH_BYTES = 4;

const NEWLINE = 10;

/** The largest first byte of a sealed datagram or stream; text begins with a capital letter. */
const LAST_CONTROL = 31;

/**
 * One stream's messages. After a refusal the stream is out of step: close it, for `push` goes on refusing.
 */
export interface StreamSplitter {
  /** Whole messages that end in this piece, in order. @throws MonitorRefusal `too_large` or `malformed`. */
  push(piece: Uint8Array): readonly Buffer[];
  /** At the end of the stream: what it still holds. @throws MonitorRefusal `malformed` for half a frame. */
  end(): readonly Buffer[];
  /** Bytes that wait for the rest of their message. */
  readonly held: number;
}

/** Which codec a datagram or a stream speaks, by its first byte; both share one port (design.md, "Monitor messages"). */
export function codecOf(firstByte: number): "text" | "sealed" {
  return firstByte <= LAST_CONTROL ? "sealed" : "text";
}

/** A frame as it goes onto a stream. */
export function frameForStream(frame: Uint8Array): Buffer {
  const out = Buffer.allocUnsafe(LENGTH_BYTES + frame.length);
  out.writeUInt32BE(frame.length, 0);
  out.set(frame, LENGTH_BYTES);
  return out;
}

/** Lines, without their ends; empty ones are passed over, and the end of the stream ends the last (spec 2). */
export function splitLines(maxBytes: number = MAX_TEXT_BYTES): StreamSplitter {
  const held = new Pieces();
  const tooLarge = () =>
    new MonitorRefusal("too_large", `A line of more than the ${maxBytes} bytes allowed came on a stream.`);
  let failed: MonitorRefusal | undefined;

  function push(piece: Uint8Array): readonly Buffer[] {
    if (failed !== undefined) throw failed;
    const lines: Buffer[] = [];
    let from = 0;
    for (let end = piece.indexOf(NEWLINE); end >= 0; end = piece.indexOf(NEWLINE, from)) {
      hold(piece.subarray(from, end));
      if (held.bytes > 0) lines.push(held.takeAll());
      from = end + 1;
    }
    hold(piece.subarray(from));
    return lines;
  }

  function hold(piece: Uint8Array): void {
    if (held.bytes + piece.length > maxBytes) {
      held.takeAll();
      failed = tooLarge();
      throw failed;
    }
    held.add(piece);
  }

  return {
    push,
    end: () => (held.bytes > 0 ? [held.takeAll()] : []),
    get held() {
      return held.bytes;
    },
  };
}

/** Sealed frames, without their lengths. */
export function splitFrames(maxBytes: number = MAX_FRAME_BYTES): StreamSplitter {
  const held = new Pieces();
  let failed: MonitorRefusal | undefined;
  /** Bytes of the frame that is coming; undefined while its length is. */
  let wanted: number | undefined;

  function fail(refusal: MonitorRefusal): never {
    held.takeAll();
    failed = refusal;
    throw refusal;
  }

  function push(piece: Uint8Array): readonly Buffer[] {
    if (failed !== undefined) throw failed;
    const frames: Buffer[] = [];
    let rest = piece;
    while (rest.length > 0) {
      const missing = (wanted ?? LENGTH_BYTES) - held.bytes;
      held.add(rest.subarray(0, missing));
      if (rest.length < missing) break;
      rest = rest.subarray(missing);
      if (wanted === undefined) wanted = frameLength(held.takeAll());
      else {
        frames.push(held.takeAll());
        wanted = undefined;
      }
    }
    return frames;
  }

  function frameLength(bytes: Buffer): number {
    const length = bytes.readUInt32BE(0);
    if (length > 0 && length <= maxBytes) return length;
    const reason = length === 0 ? "malformed" : "too_large";
    return fail(
      new MonitorRefusal(
        reason,
        `A stream announced a frame of ${length} bytes: 1 to ${maxBytes} are allowed.`,
      ),
    );
  }

  return {
    push,
    end() {
      if (failed === undefined && (held.bytes > 0 || wanted !== undefined))
        fail(
          new MonitorRefusal("malformed", `A stream ended inside a frame, after ${held.bytes} bytes of it.`),
        );
      return [];
    },
    get held() {
      return held.bytes;
    },
  };
}

/**
 * Pieces joined once, so that bytes that trickle in are not copied again and again. Each is copied when it comes, into
 * a block that doubles: a stream's small pieces would otherwise keep whole receive buffers alive.
 */
class Pieces {
  #block: Buffer = Buffer.alloc(0);
  bytes = 0;

  add(piece: Uint8Array): void {
    const needed = this.bytes + piece.length;
    if (needed > this.#block.length) {
      const grown = Buffer.allocUnsafe(Math.max(needed, 2 * this.#block.length));
      grown.set(this.#block.subarray(0, this.bytes));
      this.#block = grown;
    }
    this.#block.set(piece, this.bytes);
    this.bytes = needed;
  }

  /** Everything so far; what comes next begins anew. */
  takeAll(): Buffer {
    const all = this.#block.subarray(0, this.bytes);
    this.#block = Buffer.alloc(0);
    this.bytes = 0;
    return all;
  }
}
