/** Unpacks LZ4's legacy frames, in which kernels are packed; Node knows no LZ4. */

import { GatehouseError } from "../../shared/errors.ts";

const MAGIC = 0x184c2102;
/** The least a match copies (LZ4's block format). */
const MIN_MATCH_BYTES = 4;
/** In the four bits of a length: more follows. */
const LONG = 15;

/** @throws GatehouseError `not_found` when it is damaged, or does not have `size` bytes. */
export function unpackLz4(packed: Buffer, size: number): Buffer {
  const out = Buffer.alloc(size);
  let from = 0;
  let to = 0;
  while (from + 4 <= packed.length) {
    const length = packed.readUInt32LE(from);
    from += 4;
    // Frames may follow one another.
    if (length === MAGIC) continue;
    if (length > packed.length - from) throw damaged();
    to = unpackBlock(packed.subarray(from, from + length), out, to);
    from += length;
  }
  if (to !== size) throw damaged();
  return out;
}

/** Sequences of literal bytes and a match with what came before. Where it ends in `out`. */
function unpackBlock(block: Buffer, out: Buffer, start: number): number {
  let from = 0;
  let to = start;
  const lengthOf = (bits: number): number => {
    let length = bits;
    if (bits !== LONG) return length;
    for (;;) {
      const more = block.readUInt8(from);
      from += 1;
      length += more;
      if (more !== 255) return length;
    }
  };
  try {
    while (from < block.length) {
      const token = block.readUInt8(from);
      from += 1;
      const literals = lengthOf(token >> 4);
      if (literals > block.length - from || literals > out.length - to) throw damaged();
      block.copy(out, to, from, from + literals);
      from += literals;
      to += literals;
      // The last sequence is only literals.
      if (from === block.length) break;
      const distance = block.readUInt16LE(from);
      from += 2;
      const matched = lengthOf(token & LONG) + MIN_MATCH_BYTES;
      if (distance === 0 || distance > to - start || matched > out.length - to) throw damaged();
      copyMatch(out, to, distance, matched);
      to += matched;
    }
  } catch (error) {
    // What ends too early.
    if (error instanceof RangeError) throw damaged();
    throw error;
  }
  return to;
}

/** A match may reach into what it makes: then what it has made so far is repeated. */
function copyMatch(out: Buffer, to: number, distance: number, length: number): void {
  let copied = 0;
  while (copied < length) {
    const count = Math.min(distance + copied, length - copied);
    out.copy(out, to + copied, to - distance, to - distance + count);
    copied += count;
  }
}

function damaged(): GatehouseError {
  return new GatehouseError(
    "not_found",
    "The kernel package's kernel is damaged: its LZ4 cannot be unpacked.",
  );
}
