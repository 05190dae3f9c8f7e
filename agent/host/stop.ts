/** Ends the agent that holds a state directory's lock (STOP_MONITOR). */

import type { Clock } from "../../shared/clock.ts";
import { livingStat, type ProcessIdentity } from "../../shared/guests/process-proc.ts";
import { wait } from "../guest/clock.ts";
import { holderOf } from "./lock.ts";

/** It ends its probes and writes what it holds; upstream waits as long (spec monitoring.md 3). */
const PATIENCE_MS = 5000;
const LOOK_EVERY_MS = 50;

/** The agent that was ended; undefined when none ran. One that does not end in time is killed. */
export async function stopAgent(stateDir: string, clock: Clock): Promise<ProcessIdentity | undefined> {
  const holder = holderOf(stateDir);
  if (holder === undefined) return undefined;
  signal(holder, "SIGTERM");
  const deadline = clock.elapsed() + PATIENCE_MS;
  while (livingStat(holder) !== undefined) {
    if (clock.elapsed() > deadline) signal(holder, "SIGKILL");
    await wait(clock, LOOK_EVERY_MS);
  }
  return holder;
}

function signal({ pid }: ProcessIdentity, name: "SIGTERM" | "SIGKILL"): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    // It ended meanwhile; that it is not ours to end is the caller's to know.
    if (error instanceof Error && "code" in error && error.code === "ESRCH") return;
    throw error;
  }
}
