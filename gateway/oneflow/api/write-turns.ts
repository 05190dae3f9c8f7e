/** Writes of one document, one after another, so that what If-Match was held against is what is written over. */

export class WriteTurns {
  readonly #last = new Map<number, Promise<unknown>>();

  /** What the work gives, once every earlier work on that id has ended, however it did. */
  async of<T>(id: number, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(id) ?? Promise.resolve();
    const mine = before.then(work, work);
    this.#last.set(id, mine);
    try {
      return await mine;
    } finally {
      if (this.#last.get(id) === mine) this.#last.delete(id);
    }
  }
}
