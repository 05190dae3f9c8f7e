/**
 * Reads of one thing by many at a time: one is under way, and all who come meanwhile share the one after it. So whoever asks
 * is answered by a read that began after they asked, and the core is never asked twice at the same time.
 */

interface Running<T> {
  readonly now: Promise<T>;
  next: Promise<T> | undefined;
}

export class SharedReads<T> {
  readonly #running = new Map<string, Running<T>>();

  /** `read` must be the same for the same key. */
  async run(key: string, read: () => Promise<T>): Promise<T> {
    const running = this.#running.get(key);
    if (running === undefined) return await this.#start(key, read);
    const start = () => this.#start(key, read);
    running.next ??= running.now.then(start, start);
    return await running.next;
  }

  async #start(key: string, read: () => Promise<T>): Promise<T> {
    const now = read();
    const running: Running<T> = { now, next: undefined };
    this.#running.set(key, running);
    try {
      return await now;
    } finally {
      // A next one has been put there already when somebody waited for it.
      if (running.next === undefined) this.#running.delete(key);
    }
  }
}
