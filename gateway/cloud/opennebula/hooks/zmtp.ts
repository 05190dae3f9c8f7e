/** ZMTP 3.0 (RFC 23/ZMTP) as far as a subscriber without security needs it: greeting, commands, and frames taken apart. */

import { GatehouseError } from "../../../../shared/errors.ts";

const SIGNATURE = Buffer.from([0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0x7f]);
const GREETING_BYTES = 64;
const MECHANISM_BYTES = 20;
const VERSION_AT = 10;
const MECHANISM_AT = 12;
const OLDEST_MAJOR = 3;

const MORE = 0x01;
const LONG = 0x02;
const COMMAND = 0x04;

/** The largest event carries a VM's whole document in base64. */
export const MAX_FRAME_BYTES = 4 * 1024 * 1024;
const MAX_FRAMES = 8;

/** What a peer says first. */
export function greeting(): Buffer {
  const bytes = Buffer.alloc(GREETING_BYTES);
  SIGNATURE.copy(bytes);
  bytes[VERSION_AT] = OLDEST_MAJOR;
  bytes.write("NULL", MECHANISM_AT, "latin1");
  return bytes;
}

/** READY with the kind of socket, which ends the handshake. */
export function readyCommand(socketType: "SUB" | "PUB"): Buffer {
  const property = "Socket-Type";
  const value = Buffer.alloc(4);
  value.writeUInt32BE(socketType.length);
  const body = Buffer.concat([named("READY"), named(property), value, Buffer.from(socketType, "latin1")]);
  return frame(body, COMMAND);
}

function named(text: string): Buffer {
  return Buffer.concat([Buffer.from([text.length]), Buffer.from(text, "latin1")]);
}

/** Asks for all messages whose first frame begins so. */
export function subscription(topic: string): Buffer {
  return frame(Buffer.concat([Buffer.from([1]), Buffer.from(topic, "utf8")]), 0);
}

/** A message of several frames. */
export function message(...parts: readonly Uint8Array[]): Buffer {
  return Buffer.concat(parts.map((part, index) => frame(part, index < parts.length - 1 ? MORE : 0)));
}

function frame(body: Uint8Array, flags: number): Buffer {
  if (body.length < 256) return Buffer.concat([Buffer.from([flags, body.length]), body]);
  const head = Buffer.alloc(9);
  head[0] = flags | LONG;
  head.writeBigUInt64BE(BigInt(body.length), 1);
  return Buffer.concat([head, body]);
}

/** What a peer sent. */
export type Received =
  | { readonly kind: "command"; readonly name: string }
  | { readonly kind: "message"; readonly frames: readonly Buffer[] };

/** Takes a peer's bytes as they come. */
export class ZmtpReader {
  #rest: Buffer = Buffer.alloc(0);
  #greeted = false;
  #frames: Buffer[] = [];

  /** What is whole by now. @throws GatehouseError `bad_request` for what is no ZMTP 3, or larger than allowed. */
  feed(bytes: Uint8Array): readonly Received[] {
    this.#rest = this.#rest.length === 0 ? Buffer.from(bytes) : Buffer.concat([this.#rest, bytes]);
    if (!this.#greeted) {
      if (this.#rest.length < GREETING_BYTES) return [];
      checkGreeting(this.#rest.subarray(0, GREETING_BYTES));
      this.#rest = this.#rest.subarray(GREETING_BYTES);
      this.#greeted = true;
    }
    const received: Received[] = [];
    for (let next = this.#frame(); next !== undefined; next = this.#frame()) {
      const whole = this.#take(next);
      if (whole !== undefined) received.push(whole);
    }
    return received;
  }

  #frame(): { readonly flags: number; readonly body: Buffer } | undefined {
    const flags = this.#rest[0];
    if (flags === undefined) return undefined;
    if (flags & ~(MORE | LONG | COMMAND)) throw refused("a frame with unknown flags");
    const headBytes = flags & LONG ? 9 : 2;
    if (this.#rest.length < headBytes) return undefined;
    const size = flags & LONG ? Number(this.#rest.readBigUInt64BE(1)) : this.#rest.readUInt8(1);
    if (size > MAX_FRAME_BYTES) throw refused(`a frame of more than ${MAX_FRAME_BYTES} bytes`);
    if (this.#rest.length < headBytes + size) return undefined;
    const body = this.#rest.subarray(headBytes, headBytes + size);
    this.#rest = this.#rest.subarray(headBytes + size);
    return { flags, body };
  }

  #take({ flags, body }: { readonly flags: number; readonly body: Buffer }): Received | undefined {
    if (flags & COMMAND) return { kind: "command", name: commandName(body) };
    this.#frames.push(body);
    if (this.#frames.length > MAX_FRAMES) throw refused(`a message of more than ${MAX_FRAMES} frames`);
    if (flags & MORE) return undefined;
    const frames = this.#frames;
    this.#frames = [];
    return { kind: "message", frames };
  }
}

function checkGreeting(bytes: Buffer): void {
  if (bytes[0] !== 0xff || bytes[9] !== 0x7f) throw refused("no ZMTP");
  if ((bytes[VERSION_AT] ?? 0) < OLDEST_MAJOR) throw refused("an older ZMTP than 3.0");
  const mechanism = bytes.subarray(MECHANISM_AT, MECHANISM_AT + MECHANISM_BYTES).toString("latin1");
  if (mechanism.replace(/\0+$/, "") !== "NULL") throw refused("another security mechanism than NULL");
}

function commandName(body: Buffer): string {
  return body.subarray(1, 1 + (body[0] ?? 0)).toString("latin1");
}

function refused(what: string): GatehouseError {
  return new GatehouseError("bad_request", `The hook manager sends ${what}.`);
}
