/** Waiting by a clock, in a process that is to see the end of it. */

import { MessageChannel } from "node:worker_threads";
import type { Clock } from "./clock.ts";

/** A clock does not keep the process alive; a house that is about to close must see its guests out all the same: the port does. */
export async function delay(clock: Clock, ms: number): Promise<void> {
  const { port1 } = new MessageChannel();
  port1.ref();
  await new Promise<void>((resolve) => {
    clock.after(ms, resolve);
  });
  port1.close();
}
