/**
 * What waits for a guest's QEMU to take it: by sender, each in its turn, so that who sends most does not have the wire alone.
 * Frames beyond a sender's share are lost, as on any wire.
 */

import { LENGTH_BYTES, printFrame } from "./frame-reader.ts";

/** Where frames go in the end. */
export interface FrameSink {
  /** `taken` is called once there is room for more. */
  write(bytes: Buffer, taken: () => void): void;
}

/** Who sends: a guest, or the house to one. */
export interface Sender {
  /** Of its frames that wait anywhere. */
  waitingBytes: number;
  readonly queues: Set<Queue>;
}

/** What a sender has at an outlet. */
export interface Queue {
  /** As they are written; the next comes first. */
  readonly frames: Buffer[];
  bytes: number;
}

/** Of one sender's at one outlet, and at all of them. */
export const MAX_QUEUED_BYTES = 256 * 1024;
export const MAX_WAITING_BYTES = 512 * 1024;
/** Given to the sink at once. */
const BATCH_BYTES = 64 * 1024;
/** What a sender may say before it is the next one's turn: some full frames. */
const TURN_BYTES = 8 * 1024;
/** What a frame costs in memory besides its bytes. */
const FRAME_OVERHEAD_BYTES = 128;

export function newSender(): Sender {
  return { waitingBytes: 0, queues: new Set() };
}

export class Outlet {
  #sink: FrameSink | undefined;
  /** Whose turn it is first. */
  readonly #queues = new Map<Sender, Queue>();
  #isBusy = false;
  #writtenBytes = 0;

  /** Of all frames that were given to a sink. */
  get writtenBytes(): number {
    return this.#writtenBytes;
  }

  /** Undefined: nobody listens, and all that waits is lost. */
  attach(sink: FrameSink | undefined): void {
    this.#sink = sink;
    this.#isBusy = false;
    for (const [sender, queue] of this.#queues) {
      sender.waitingBytes -= queue.bytes;
      sender.queues.delete(queue);
    }
    this.#queues.clear();
  }

  /** Copies the frame. */
  send(sender: Sender, frame: Buffer): void {
    if (this.#sink === undefined) return;
    const cost = LENGTH_BYTES + frame.length + FRAME_OVERHEAD_BYTES;
    const queue = this.#queues.get(sender) ?? { frames: [], bytes: 0 };
    if (queue.bytes + cost > MAX_QUEUED_BYTES || !makeRoom(sender, queue, cost)) return;
    if (this.#queues.size === 0 && !this.#isBusy) queueMicrotask(() => this.#flush());
    queue.frames.push(printFrame(frame));
    queue.bytes += cost;
    sender.waitingBytes += cost;
    sender.queues.add(queue);
    this.#queues.set(sender, queue);
  }

  /** One batch at a time: the next goes when the sink has taken the last. */
  #flush(): void {
    const sink = this.#sink;
    if (sink === undefined || this.#isBusy || this.#queues.size === 0) return;
    this.#isBusy = true;
    sink.write(this.#nextBatch(), () => {
      if (this.#sink !== sink) return;
      this.#isBusy = false;
      this.#flush();
    });
  }

  #nextBatch(): Buffer {
    const batch: Buffer[] = [];
    let bytes = 0;
    while (bytes < BATCH_BYTES) {
      const [first] = this.#queues;
      if (first === undefined) break;
      const [sender, queue] = first;
      bytes += takeTurn(sender, queue, batch);
      // To the end of the round, if anything of it is left.
      this.#queues.delete(sender);
      if (queue.frames.length > 0) this.#queues.set(sender, queue);
      else sender.queues.delete(queue);
    }
    this.#writtenBytes += bytes - batch.length * LENGTH_BYTES;
    return Buffer.concat(batch);
  }
}

/**
 * For a frame that is to wait in `queue`: what waits longest in the sender's longest queue is lost for it, so that guests who do not
 * read keep no place from those who do. False: that is this queue itself.
 */
function makeRoom(sender: Sender, queue: Queue, cost: number): boolean {
  while (sender.waitingBytes + cost > MAX_WAITING_BYTES) {
    let longest = queue;
    for (const each of sender.queues) if (each.bytes > longest.bytes) longest = each;
    const frame = longest === queue ? undefined : longest.frames.shift();
    if (frame === undefined) return false;
    longest.bytes -= frame.length + FRAME_OVERHEAD_BYTES;
    sender.waitingBytes -= frame.length + FRAME_OVERHEAD_BYTES;
  }
  return true;
}

/** How many bytes it took. */
function takeTurn(sender: Sender, queue: Queue, batch: Buffer[]): number {
  let bytes = 0;
  let count = 0;
  for (const frame of queue.frames) {
    if (bytes >= TURN_BYTES) break;
    batch.push(frame);
    bytes += frame.length;
    count += 1;
  }
  queue.frames.splice(0, count);
  const cost = bytes + count * FRAME_OVERHEAD_BYTES;
  queue.bytes -= cost;
  sender.waitingBytes -= cost;
  return bytes;
}
