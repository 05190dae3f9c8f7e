/**
 * The list of simulated VMs on one dummy host: the cloud that simulates them writes it, the host's agent reads it. There
 * is nothing else to see of such a VM.
 */

import { existsSync, readFileSync } from "node:fs";
import { z } from "zod";

const dummyGuest = z.object({
  id: z.int().min(0),
  deployId: z.string(),
  /** In processors: the template's CPU. */
  cpu: z.number().min(0),
  memoryMiB: z.number().min(0),
});

const dummyList = z.object({ guests: z.array(dummyGuest).readonly() });

export type DummyGuest = Readonly<z.infer<typeof dummyGuest>>;

export function printDummyList(guests: readonly DummyGuest[]): string {
  return JSON.stringify({ guests } satisfies z.infer<typeof dummyList>);
}

/** None while there is no file. @throws Error when it cannot be read, or is no such list. */
export function readDummyList(path: string): readonly DummyGuest[] {
  if (!existsSync(path)) return [];
  return dummyList.parse(JSON.parse(readFileSync(path, "utf8"))).guests;
}
