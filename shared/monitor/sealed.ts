/**
 * The sealed codec: contents → msgpack → deflate → nacl.box, behind a head that names key, boot and number
 * (sealed-head.ts). Opening goes the other way: what is not authentic is never inflated, what inflates is bounded.
 */

import { deflateRawSync } from "node:zlib";
import nacl from "tweetnacl";
import { GatehouseError } from "../errors.ts";
import { inflateBounded } from "./inflate.ts";
import type { Channel } from "./keys.ts";
import { MAX_CONTENTS_BYTES, MAX_DATAGRAM_BYTES, MAX_FRAME_BYTES } from "./limits.ts";
import {
  type AcknowledgementContents,
  type MessageContents,
  packAcknowledgement,
  packMessages,
  unpackAcknowledgement,
  unpackMessages,
} from "./packed-contents.ts";
import { MonitorRefusal } from "./refusal.ts";
import {
  BOX_OVERHEAD_BYTES,
  type Direction,
  type FrameHead,
  HEAD_BYTES,
  MAX_FRAME_NUMBER,
  nonceOf,
  parseFrameHead,
  writeFrameHead,
} from "./sealed-head.ts";

/** Seals in one direction of one channel: it alone may use its boot id, so that no nonce comes twice. */
export class Sealer {
  readonly #channel: Channel;
  readonly #bootId: number;
  #sequence = 0;

  /** @param bootId kept by the sender and risen since its last start (nextBootId). */
  constructor(channel: Channel, bootId: number) {
    this.#channel = channel;
    this.#bootId = bootId;
  }

  /** A frame from agent to daemon. Its length says whether it fits a datagram (fitsDatagram). */
  messages(contents: MessageContents): Buffer {
    return this.#seal("toDaemon", packMessages(contents));
  }

  /** A frame from daemon to agent. */
  acknowledgement(contents: AcknowledgementContents): Buffer {
    return this.#seal("toAgent", packAcknowledgement(contents));
  }

  /** @throws GatehouseError `too_large` when the frame would be larger than is read. */
  #seal(direction: Direction, packed: Buffer): Buffer {
    const deflated = deflateRawSync(packed);
    const bytes = HEAD_BYTES + BOX_OVERHEAD_BYTES + deflated.length;
    if (bytes > MAX_FRAME_BYTES || packed.length > MAX_CONTENTS_BYTES)
      throw new GatehouseError(
        "too_large",
        `A frame of ${bytes} bytes, ${packed.length} before deflating, cannot be sent: ${MAX_FRAME_BYTES} and ${MAX_CONTENTS_BYTES} are allowed.`,
      );
    if (this.#sequence >= MAX_FRAME_NUMBER)
      throw new GatehouseError(
        "internal",
        "All sequence numbers of this boot are used: a new boot id is needed.",
      );
    this.#sequence += 1;
    const frame = Buffer.allocUnsafe(bytes);
    const { keyId, sharedKey } = this.#channel;
    writeFrameHead(frame, { direction, keyId, bootId: this.#bootId, sequence: this.#sequence });
    frame.set(nacl.box.after(deflated, nonceOf(frame), sharedKey), HEAD_BYTES);
    return frame;
  }
}

/** Whether a frame goes by UDP; a larger one goes over TCP, behind its length (frameForStream). */
export function fitsDatagram(frame: Uint8Array): boolean {
  return frame.length <= MAX_DATAGRAM_BYTES;
}

/**
 * An agent's frame at the daemon, whatever its age: replay and skew are judged by receiveMessages.
 * @throws MonitorRefusal `wrong_direction`, `wrong_key`, `forged`, `malformed`, `too_large` or `unknown_version`.
 */
export function openMessages(channel: Channel, frame: Uint8Array): MessageContents {
  return unpackMessages(open(channel, "toDaemon", parseFrameHead(frame), frame));
}

/** The daemon's answer at the agent. Throws as openMessages does. */
export function openAcknowledgement(channel: Channel, frame: Uint8Array): AcknowledgementContents {
  return unpackAcknowledgement(open(channel, "toAgent", parseFrameHead(frame), frame));
}

function open(channel: Channel, direction: Direction, head: FrameHead, frame: Uint8Array): Buffer {
  if (head.direction !== direction)
    throw new MonitorRefusal(
      "wrong_direction",
      `A frame ${head.direction} came where only those ${direction} do.`,
    );
  if (head.keyId !== channel.keyId)
    throw new MonitorRefusal(
      "wrong_key",
      `A frame of key ${head.keyId} came on the channel of ${channel.keyId}.`,
    );
  const deflated = nacl.box.open.after(frame.subarray(HEAD_BYTES), nonceOf(frame), channel.sharedKey);
  if (deflated === null)
    throw new MonitorRefusal(
      "forged",
      `A frame of key ${head.keyId} is forged or damaged: its key does not open it.`,
    );
  return inflateBounded(deflated, {
    format: "raw",
    maxBytes: MAX_CONTENTS_BYTES,
    what: () => `A frame of key ${head.keyId}`,
  });
}
