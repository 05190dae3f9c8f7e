/** Datagrams that wait to be read: a bounded queue, shared between addresses, read in turns. */

import type { RemoteInfo } from "node:dgram";
import { MAX_DATAGRAM_BYTES } from "../../shared/monitor/limits.ts";
import { BOX_OVERHEAD_BYTES, FRAME_VERSION, HEAD_BYTES } from "../../shared/monitor/sealed-head.ts";
import { codecOf } from "../../shared/monitor/splitter.ts";
import type { Agents } from "./agents.ts";
import type { MonitorCounts, Reason } from "./counts.ts";
import { reasonOf, type SealedReceiver } from "./sealed-receiver.ts";
import type { TextReceiver } from "./text-receiver.ts";
import type { Turns, Worker } from "./turns.ts";

/** All that wait; a text message may have 64 KiB. */
const MAX_WAITING_BYTES = 16 * 1024 * 1024;

const KEY_ID_AT = 2;
const KEY_ID_END = 10;

export interface DatagramsOptions {
  readonly agents: Agents;
  readonly sealed: SealedReceiver;
  readonly text: TextReceiver;
  readonly counts: MonitorCounts;
  readonly turns: Turns;
  readonly maxWaiting: number;
  /** Told of faults of ours that a datagram brings to light. */
  readonly onFault: (error: unknown) => void;
}

interface Waiting {
  readonly bytes: Buffer;
  readonly address: string;
}

export class Datagrams implements Worker {
  readonly #options: DatagramsOptions;
  readonly #maxOfAddress: number;
  #queue: Waiting[] = [];
  /** Of those before it in the queue, all are read. */
  #next = 0;
  #bytes = 0;
  readonly #ofAddress = new Map<string, number>();

  constructor(options: DatagramsOptions) {
    this.#options = options;
    this.#maxOfAddress = Math.ceil(options.maxWaiting / 4);
  }

  get waiting(): number {
    return this.#queue.length - this.#next;
  }

  /** The socket's listener: what is refused here costs next to nothing. */
  readonly arrive = (bytes: Buffer, { address }: Pick<RemoteInfo, "address">): void => {
    const { counts, turns } = this.#options;
    counts.datagrams += 1;
    const reason = this.#refusal(bytes, address) ?? this.#crowding(bytes, address);
    if (reason !== undefined) {
      counts.refuse(reason);
      return;
    }
    this.#queue.push({ bytes, address });
    this.#bytes += bytes.length;
    this.#ofAddress.set(address, (this.#ofAddress.get(address) ?? 0) + 1);
    if (this.waiting === 1) turns.ask(this);
  };

  step(): boolean {
    const waiting = this.#take();
    if (waiting === undefined) return false;
    const { sealed, text, counts, onFault } = this.#options;
    try {
      if (codecOf(waiting.bytes[0] ?? 0) === "text") {
        counts.frame("text udp");
        text.datagram(waiting.bytes, waiting.address);
      } else {
        counts.frame("sealed udp");
        sealed.datagram(waiting.bytes);
      }
    } catch (error) {
      try {
        counts.refuse(reasonOf(error));
      } catch (fault) {
        onFault(fault);
      }
    }
    return this.waiting > 0;
  }

  #refusal(bytes: Buffer, address: string): Reason | undefined {
    const first = bytes[0];
    if (first === undefined) return "malformed";
    if (codecOf(first) === "text")
      return this.#options.text.acceptedFrom(address) === "off" ? "text_not_taken" : undefined;
    if (first !== FRAME_VERSION) return "unknown_version";
    if (bytes.length > MAX_DATAGRAM_BYTES) return "too_large";
    if (bytes.length <= HEAD_BYTES + BOX_OVERHEAD_BYTES) return "malformed";
    return this.#options.agents.has(bytes.toString("hex", KEY_ID_AT, KEY_ID_END)) ? undefined : "unknown_key";
  }

  #crowding(bytes: Buffer, address: string): Reason | undefined {
    const { maxWaiting } = this.#options;
    if (this.waiting >= maxWaiting || this.#bytes + bytes.length > MAX_WAITING_BYTES) return "queue_full";
    return (this.#ofAddress.get(address) ?? 0) >= this.#maxOfAddress ? "address_queue_full" : undefined;
  }

  #take(): Waiting | undefined {
    const waiting = this.#queue[this.#next];
    if (waiting === undefined) return undefined;
    this.#next += 1;
    // What was read is let go in one move, when it is the greater part.
    if (this.#next === this.#queue.length || this.#next >= 1_024) {
      this.#queue = this.#queue.slice(this.#next);
      this.#next = 0;
    }
    this.#bytes -= waiting.bytes.length;
    const left = (this.#ofAddress.get(waiting.address) ?? 1) - 1;
    if (left === 0) this.#ofAddress.delete(waiting.address);
    else this.#ofAddress.set(waiting.address, left);
    return waiting;
  }
}
