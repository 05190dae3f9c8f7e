/**
 * What still has to reach the daemon: messages that must arrive, each with its delivery number, kept until they are
 * acknowledged; and measurements of the time when the daemon could not be reached.
 */

import { firstDelivery } from "../../shared/monitor/boot.ts";
import { MAX_FRAME_BYTES } from "../../shared/monitor/limits.ts";
import type { Message } from "../../shared/monitor/message.ts";
import { packMessages, unpackMessages } from "../../shared/monitor/packed-contents.ts";
import { failureMessage } from "./compose.ts";
import { Spool } from "./spool.ts";
import type { SpoolFiles } from "./spool-files.ts";

export interface OutboxBounds {
  /** Of messages that must arrive. An hour of changes of 20 VMs takes some 500 KB. */
  readonly mustBytes: number;
  /** Of measurements. An hour of 20 VMs takes some 300 KB. */
  readonly metricBytes: number;
}

export const DEFAULT_BOUNDS: OutboxBounds = Object.freeze({
  mustBytes: 16 * 1024 * 1024,
  metricBytes: 16 * 1024 * 1024,
});

/** Of the records that go into one frame, before deflating; one alone may be larger. */
const FRAME_CONTENTS_BYTES = 256 * 1024;

/** What a frame takes even when nothing of it can be deflated. */
const MAX_MESSAGE_BYTES = MAX_FRAME_BYTES - 4096;

/** Measurements from the spool. */
export interface KeptMetrics {
  readonly messages: readonly Message[];
  /** Records that they were, for `metricsSent`. */
  readonly records: number;
}

export interface OutboxOptions {
  readonly must: SpoolFiles;
  readonly metrics: SpoolFiles;
  readonly bounds: OutboxBounds;
  /** Of this start. */
  readonly bootId: number;
  /** The highest number that an earlier start is known to have given; 0 for none. */
  readonly lastDelivery: number;
  readonly onDropped: (what: "must" | "metrics", records: number) => void;
}

export class Outbox {
  readonly #must: Spool;
  readonly #metrics: Spool;
  /** Delivery numbers of the first records of `must`: those that are on their way. */
  #sent: number[] = [];
  #lastDelivery: number;

  /** Takes up what an earlier start left. @throws Error when its directories cannot be read. */
  constructor({ must, metrics, bounds, bootId, lastDelivery, onDropped }: OutboxOptions) {
    this.#must = new Spool({
      files: must,
      maxBytes: bounds.mustBytes,
      onDropped: (records) => {
        this.#sent.splice(0, records);
        onDropped("must", records);
      },
    });
    this.#metrics = new Spool({
      files: metrics,
      maxBytes: bounds.metricBytes,
      onDropped: (records) => onDropped("metrics", records),
    });
    const kept = this.waiting().map(({ delivery }) => delivery ?? 0);
    this.#lastDelivery = Math.max(firstDelivery(bootId) - 1, lastDelivery, ...kept.slice(-1));
  }

  /** The highest number given so far. */
  get lastDelivery(): number {
    return this.#lastDelivery;
  }

  /** Whether everything that must arrive has arrived. */
  get isDelivered(): boolean {
    return this.#must.isEmpty;
  }

  get hasMetrics(): boolean {
    return !this.#metrics.isEmpty;
  }

  /** Messages on their way whose acknowledgement is waited for. */
  get underWay(): number {
    return this.#sent.length;
  }

  /** All that must arrive still, in order; for the start. */
  waiting(): readonly Message[] {
    return [...this.#must.all()].flatMap((bytes) => unpack(bytes) ?? []);
  }

  /** Numbers it, and keeps it until it is acknowledged. */
  keepMust(message: Message): void {
    this.#lastDelivery += 1;
    this.#must.append(packed({ ...message, delivery: this.#lastDelivery }));
  }

  /** Keeps measurements for later. */
  keepMetric(message: Message): void {
    this.#metrics.append(packed(message));
  }

  /** The next that must arrive and are not on their way; they are from now on. */
  takeUnsent(most: number): readonly Message[] {
    const messages: Message[] = [];
    for (const bytes of upTo(this.#must.front(), this.#sent.length, most)) {
      const message = unpack(bytes);
      if (message?.delivery === undefined) {
        if (this.#sent.length === 0) this.#must.shift(1);
        break;
      }
      this.#sent.push(message.delivery);
      messages.push(message);
    }
    return messages;
  }

  /** Nothing is on its way any more: all of it is to be sent again. */
  forgetSent(): void {
    this.#sent = [];
  }

  /** Whether any of these was waited for. */
  acknowledge(deliveries: ReadonlySet<number>): boolean {
    // In order: what stands behind one that is missing is not given up for it.
    const missing = this.#sent.findIndex((delivery) => !deliveries.has(delivery));
    const count = missing < 0 ? this.#sent.length : missing;
    // One segment after another: `shift` takes from the oldest alone.
    this.#must.shift(count);
    this.#sent.splice(0, count);
    return count > 0;
  }

  /** The oldest measurements, which stay until `metricsSent`. */
  metrics(most: number): KeptMetrics {
    const records = upTo(this.#metrics.front(), 0, most);
    return { messages: records.flatMap((bytes) => unpack(bytes) ?? []), records: records.length };
  }

  metricsSent(count: number): void {
    this.#metrics.shift(count);
  }
}

/** At most so many records from there on, and no more than a frame should hold; at least one, if there is one. */
function upTo(records: readonly Buffer[], from: number, most: number): readonly Buffer[] {
  let bytes = 0;
  return records.slice(from, from + most).filter((record, index) => {
    bytes += record.length;
    return index === 0 || bytes <= FRAME_CONTENTS_BYTES;
  });
}

/** What no frame can hold would stand in everybody's way for ever. */
function packed(message: Message): Buffer {
  const bytes = pack(message);
  if (bytes.length <= MAX_MESSAGE_BYTES) return bytes;
  const { type, delivery } = message;
  const why = `A ${type} of ${bytes.length} bytes cannot be sent: at most ${MAX_MESSAGE_BYTES} are allowed.`;
  return pack({ ...failureMessage(type, message, [why]), delivery });
}

function pack(message: Message): Buffer {
  return packMessages({ sentMs: 0, messages: [message] });
}

/** Undefined for what another version of the agent wrote. */
function unpack(bytes: Buffer): Message | undefined {
  try {
    return unpackMessages(bytes).messages[0];
  } catch {
    return undefined;
  }
}
