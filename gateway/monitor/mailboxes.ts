/** One mailbox a host: what must be durable is done in order, and hosts go on side by side. */

interface Mailbox {
  waiting: number;
  tail: Promise<void>;
}

export class Mailboxes {
  readonly #boxes = new Map<number, Mailbox>();
  #waiting = 0;

  /** Work of all hosts that is not done. */
  get waiting(): number {
    return this.#waiting;
  }

  waitingFor(hostId: number): number {
    return this.#boxes.get(hostId)?.waiting ?? 0;
  }

  /** Runs when all that came before for this host is done, whatever became of that. */
  async run<T>(hostId: number, work: () => Promise<T>): Promise<T> {
    const box = this.#boxes.get(hostId) ?? { waiting: 0, tail: Promise.resolve() };
    this.#boxes.set(hostId, box);
    box.waiting += 1;
    this.#waiting += 1;
    const done = box.tail.then(work);
    box.tail = done.then(nothing, nothing);
    try {
      return await done;
    } finally {
      box.waiting -= 1;
      this.#waiting -= 1;
      if (box.waiting === 0) this.#boxes.delete(hostId);
    }
  }

  /** When all that waits now is done. */
  async drained(): Promise<void> {
    await Promise.all([...this.#boxes.values()].map(({ tail }) => tail));
  }
}

function nothing(): void {}
