/** One thing at a time for each VM: what is asked of it waits for what was asked before. */

/** Runs `work` after all earlier work under the same key has settled. */
export type Serial = <T>(key: number, work: () => Promise<T>) => Promise<T>;

/** A set of queues, one a key; a queue that runs empty leaves nothing behind. */
export function serial(): Serial {
  const tails = new Map<number, Promise<void>>();
  return (key, work) => {
    const run = (tails.get(key) ?? Promise.resolve()).then(work);
    const tail: Promise<void> = run.then(
      () => settle(),
      () => settle(),
    );
    const settle = (): void => {
      if (tails.get(key) === tail) tails.delete(key);
    };
    tails.set(key, tail);
    return run;
  };
}
