/**
 * The head of a sealed frame, which stands open before the box:
 *
 *     byte  0      version, 1
 *     byte  1      direction: 1 from agent to daemon, 2 back
 *     bytes 2-9    key id of the agent
 *     bytes 10-15  boot id of the sender, big-endian
 *     bytes 16-21  sequence number within the boot, big-endian
 *     then         nacl.box: 16 bytes of authentication, and the contents
 *
 * The whole head is the nonce of the box (22 bytes, and two of zero), so it cannot be changed without the box refusing
 * to open, and as long as boot ids rise and sequence numbers never repeat within a boot, no nonce is used twice; the
 * direction keeps the two sides apart, whose shared key is the same.
 */

import { MAX_FRAME_BYTES } from "./limits.ts";
import { MonitorRefusal } from "./refusal.ts";

export const FRAME_VERSION = 1;

export const DIRECTION = { toDaemon: 1, toAgent: 2 } as const;

export type Direction = keyof typeof DIRECTION;

export const HEAD_BYTES = 22;

/** What nacl.box adds. */
export const BOX_OVERHEAD_BYTES = 16;

const NONCE_BYTES = 24;
const KEY_ID_AT = 2;
const BOOT_ID_AT = 10;
const SEQUENCE_AT = 16;
const NUMBER_BYTES = 6;

/** The largest boot id and sequence number: 48 bits. */
export const MAX_FRAME_NUMBER = 2 ** 48 - 1;

export interface FrameHead {
  readonly direction: Direction;
  /** 16 hexadecimal digits. */
  readonly keyId: string;
  readonly bootId: number;
  /** From 1. */
  readonly sequence: number;
}

/**
 * The head of a frame, not yet known to be authentic.
 * @throws MonitorRefusal `malformed`, `too_large` above MAX_FRAME_BYTES, or `unknown_version`.
 */
export function parseFrameHead(frame: Uint8Array): FrameHead {
  if (frame.length > MAX_FRAME_BYTES)
    throw new MonitorRefusal(
      "too_large",
      `A frame of ${frame.length} bytes came: at most ${MAX_FRAME_BYTES} are read.`,
    );
  const bytes = asBuffer(frame);
  if (bytes.length > 0 && bytes[0] !== FRAME_VERSION)
    throw new MonitorRefusal(
      "unknown_version",
      `A frame of version ${bytes[0]} came: ${FRAME_VERSION} is spoken here.`,
    );
  if (bytes.length <= HEAD_BYTES + BOX_OVERHEAD_BYTES)
    throw new MonitorRefusal(
      "malformed",
      `A frame of ${bytes.length} bytes came: it has more than ${HEAD_BYTES + BOX_OVERHEAD_BYTES}.`,
    );
  return {
    direction: directionOf(bytes[1]),
    keyId: bytes.toString("hex", KEY_ID_AT, BOOT_ID_AT),
    bootId: bytes.readUIntBE(BOOT_ID_AT, NUMBER_BYTES),
    sequence: bytes.readUIntBE(SEQUENCE_AT, NUMBER_BYTES),
  };
}

export function writeFrameHead(frame: Buffer, { direction, keyId, bootId, sequence }: FrameHead): void {
  frame[0] = FRAME_VERSION;
  frame[1] = DIRECTION[direction];
  frame.write(keyId, KEY_ID_AT, "hex");
  frame.writeUIntBE(bootId, BOOT_ID_AT, NUMBER_BYTES);
  frame.writeUIntBE(sequence, SEQUENCE_AT, NUMBER_BYTES);
}

export function nonceOf(frame: Uint8Array): Uint8Array {
  const nonce = new Uint8Array(NONCE_BYTES);
  nonce.set(frame.subarray(0, HEAD_BYTES));
  return nonce;
}

function directionOf(byte: number | undefined): Direction {
  if (byte === DIRECTION.toDaemon) return "toDaemon";
  if (byte === DIRECTION.toAgent) return "toAgent";
  throw new MonitorRefusal("malformed", `A frame has the direction ${byte}: 1 or 2 is expected.`);
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
