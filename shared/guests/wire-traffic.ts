/**
 * What the wires of a real guest have carried, `traffic.json` in its folder (qemu-layout.ts): the house, at their other end, counts
 * frames and notes their bytes within a second; probes read it. There is none for a guest without wires.
 */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import type { ProcessIdentity } from "./process-proc.ts";

const count = z.int().min(0);
const trafficNote = z.object({ pid: count, startTicks: count, receivedBytes: count, sentBytes: count });

/** As the guest sees it, since its QEMU began. */
export type WireTraffic = Pick<z.infer<typeof trafficNote>, "receivedBytes" | "sentBytes">;

export function wireTrafficPath(dir: string): string {
  return join(dir, "traffic.json");
}

export function printWireTraffic({ pid, startTicks }: ProcessIdentity, traffic: WireTraffic): string {
  return JSON.stringify({ pid, startTicks, ...traffic } satisfies z.infer<typeof trafficNote>);
}

/** Undefined when nothing is noted of this process, or nothing that can be read. */
export function readWireTraffic(dir: string, { pid, startTicks }: ProcessIdentity): WireTraffic | undefined {
  try {
    const note = trafficNote.parse(JSON.parse(readFileSync(wireTrafficPath(dir), "utf8")));
    return note.pid === pid && note.startTicks === startTicks ? note : undefined;
  } catch {
    return undefined;
  }
}
