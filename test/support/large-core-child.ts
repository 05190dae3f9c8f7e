/** Starts a large core in a process of its own, so that its work is not the house's. */

import { fork } from "node:child_process";
import { z } from "zod";
import type { Change } from "./large-core.ts";

export interface LargeCoreChild {
  readonly endpoint: string;
  readonly hooks: string;
  /** Of the VMs at the start. */
  readonly ids: readonly number[];
  change(change: Change): void;
  close(): Promise<void>;
}

const started = z.object({ endpoint: z.string(), hooks: z.string(), ids: z.array(z.number()) });

export async function startLargeCoreChild(count: number): Promise<LargeCoreChild> {
  const child = fork(new URL("./large-core-process.ts", import.meta.url), [String(count)]);
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const said = await new Promise<unknown>((resolve, reject) => {
    child.once("message", resolve);
    child.once("exit", () => reject(new Error("The large core ended before it had started.")));
  });
  return {
    ...started.parse(said),
    change: (change) => child.send(change),
    async close() {
      child.disconnect();
      await ended;
    },
  };
}
