/** Lines that wait for oned to read them: in their order, bounded, and of what only the newest matters only the newest. */

import { GatehouseError } from "../../../shared/errors.ts";

/** 2,500 hosts that tell all they can need some 40 MB. */
const MAX_WAITING_BYTES = 64 * 1024 * 1024;
/** What a line takes beside its text. */
const LINE_BYTES = 128;

/** Taken together: a pipe of Linux holds as much. */
const BATCH_BYTES = 64 * 1024;

/** What a line is about. */
export interface Topic {
  readonly name: string;
  /** Whether it says all there is to say of it: earlier lines of the topic that still wait are dropped. */
  readonly isWhole: boolean;
}

interface Waiting {
  readonly text: string;
  readonly bytes: number;
  readonly topic: string | undefined;
}

export class LineQueue {
  readonly #lines = new Map<number, Waiting>();
  readonly #ofTopic = new Map<string, Set<number>>();
  #next = 0;
  #bytes = 0;

  get isEmpty(): boolean {
    return this.#lines.size === 0;
  }

  /** @throws GatehouseError `unavailable` when too much waits. */
  add(text: string, topic?: Topic): void {
    if (topic?.isWhole === true)
      for (const id of [...(this.#ofTopic.get(topic.name) ?? [])]) this.#remove(id);
    const bytes = Buffer.byteLength(text) + LINE_BYTES;
    if (this.#bytes + bytes > MAX_WAITING_BYTES)
      throw new GatehouseError("unavailable", "oned does not read what its monitoring daemon tells.");
    const id = this.#next++;
    this.#lines.set(id, { text, bytes, topic: topic?.name });
    this.#bytes += bytes;
    if (topic === undefined) return;
    const ids = this.#ofTopic.get(topic.name) ?? new Set();
    this.#ofTopic.set(topic.name, ids.add(id));
  }

  /** What has a topic need not be told any more. */
  dropTopics(): void {
    for (const ids of [...this.#ofTopic.values()]) for (const id of [...ids]) this.#remove(id);
  }

  /** The oldest lines, as many as are written together; they wait no longer. */
  take(): string {
    const taken: string[] = [];
    let bytes = 0;
    for (const [id, line] of this.#lines) {
      taken.push(line.text);
      bytes += line.bytes;
      this.#remove(id);
      if (bytes >= BATCH_BYTES) break;
    }
    return taken.join("");
  }

  #remove(id: number): void {
    const line = this.#lines.get(id);
    if (line === undefined) return;
    this.#lines.delete(id);
    this.#bytes -= line.bytes;
    if (line.topic === undefined) return;
    const ids = this.#ofTopic.get(line.topic);
    ids?.delete(id);
    if (ids?.size === 0) this.#ofTopic.delete(line.topic);
  }
}
