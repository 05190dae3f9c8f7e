/** Sleeping processes laid out as the guests of the process driver, for agents that look at them. */

import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { type GuestNote, guestPaths } from "../../shared/guests/process-layout.ts";
import { bootId, readStat } from "../../shared/guests/process-proc.ts";

export interface SleepingGuest {
  readonly vmId: number;
  readonly pid: number;
  /** Ends its processes, as a guest that powers off. */
  end(): void;
}

/** Three processes: an init that leads its session, and two children. */
export function sleepingGuest(runDir: string, vmId: number): SleepingGuest {
  const { homeDir, tmpDir, contextDir, note } = guestPaths(runDir, vmId);
  for (const path of [homeDir, tmpDir, contextDir]) mkdirSync(path, { recursive: true });
  const child: ChildProcess = spawn("sh", ["-c", "sleep 100000 & sleep 100000 & wait"], {
    detached: true,
    stdio: "ignore",
    env: { PATH: process.env.PATH, CONTEXT_DIR: contextDir },
  });
  const { pid } = child;
  const stat = pid === undefined ? undefined : readStat(pid);
  if (pid === undefined || stat === undefined) throw new Error("A sleeping guest does not start.");
  const content = { pid, startTicks: stat.startTicks, bootId: bootId() } satisfies GuestNote;
  writeFileSync(note, JSON.stringify(content));
  return {
    vmId,
    pid,
    end() {
      try {
        process.kill(-pid, "SIGKILL");
      } catch {
        // It has ended already.
      }
      rmSync(note, { force: true });
    },
  };
}
