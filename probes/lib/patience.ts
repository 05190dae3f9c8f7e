/** Waiting that ends with the round: a network file system that hangs must not hold a probe for ever. */

/** What `work` resolves to. @throws the signal's reason when it comes first; `work` goes on unheard. */
export async function withinRound<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const abort = (): void => aborted.reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

/**
 * Lets one piece of work of a kind run at a time, over rounds: each that hangs holds one of the few threads that all
 * file work of the process shares.
 */
export class OneAtATime {
  readonly #running = new Map<string, Promise<unknown>>();

  /** @throws Error while the earlier work of this name has not come back. */
  async run<T>(name: string, work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    if (this.#running.has(name)) throw new Error(`${name} does not answer.`);
    const started = work();
    const ended = (): unknown => this.#running.delete(name);
    this.#running.set(name, started.then(ended, ended));
    return withinRound(started, signal);
  }
}
