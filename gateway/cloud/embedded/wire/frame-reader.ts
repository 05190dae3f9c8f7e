/** Frames from QEMU's stream socket: each after its length, four bytes in network order. */

/** Virtio offers no bigger frames than this without an MTU of its own. */
export const MAX_FRAME_BYTES = 65_550;

/** Before each frame. */
export const LENGTH_BYTES = 4;

export class FrameReader {
  #held: Buffer = Buffer.alloc(0);

  /** The frames that these bytes complete. @throws Error for a frame longer than MAX_FRAME_BYTES. */
  push(bytes: Buffer): readonly Buffer[] {
    this.#held = this.#held.length === 0 ? bytes : Buffer.concat([this.#held, bytes]);
    const frames: Buffer[] = [];
    let at = 0;
    while (this.#held.length - at >= LENGTH_BYTES) {
      const length = this.#held.readUInt32BE(at);
      if (length > MAX_FRAME_BYTES)
        throw new Error(`A frame of ${length} bytes; at most ${MAX_FRAME_BYTES} are allowed.`);
      if (this.#held.length - at - LENGTH_BYTES < length) break;
      frames.push(this.#held.subarray(at + LENGTH_BYTES, at + LENGTH_BYTES + length));
      at += LENGTH_BYTES + length;
    }
    this.#held = this.#held.subarray(at);
    return frames;
  }
}

export function printFrame(frame: Buffer): Buffer {
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeUInt32BE(frame.length);
  return Buffer.concat([length, frame]);
}
