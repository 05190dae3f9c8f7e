/** A wait that keeps the process alive, and can be cut short. */

import type { Clock } from "../../../shared/clock.ts";

export interface Pause {
  /** False, once the time has passed. */
  readonly over: Promise<false>;
  cancel(): void;
}

/** The clock's timers keep no process alive, but here nothing else may be left to wait for. */
export function pause(clock: Clock, ms: number): Pause {
  const { promise, resolve } = Promise.withResolvers<false>();
  const awake = new MessageChannel().port1;
  awake.ref();
  const cancelTimer = clock.after(ms, () => {
    awake.close();
    resolve(false);
  });
  const cancel = (): void => {
    cancelTimer();
    awake.close();
  };
  return { over: promise, cancel };
}
