/** Starts a guest's init so that none is ever started and forgotten (see INIT_SCRIPT). */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { errorText, GatehouseError } from "../../../../shared/errors.ts";
import type { GuestPaths } from "../../../../shared/guests/process-layout.ts";
import { livingStat, type ProcessIdentity, readStat } from "../../../../shared/guests/process-proc.ts";
import { openLog } from "./process-files.ts";
import { exitSentence, INIT_WORD } from "./process-init.ts";

export interface GuestStart {
  readonly paths: GuestPaths;
  /** The uid and gid to run as; undefined: the server's own. */
  readonly uid: number | undefined;
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Makes durable which process the guest is; the guest's script begins after it. */
  note(identity: ProcessIdentity): Promise<void>;
  /** Called once, when the init has ended. */
  onEnd(identity: ProcessIdentity, reason: string): void;
}

/**
 * Resolves once the guest may run its script.
 * @throws GatehouseError `unavailable` when the system does not let it start.
 */
export async function spawnGuest(start: GuestStart): Promise<ProcessIdentity> {
  const child = await spawnInit(start);
  child.unref();
  const stat = child.pid === undefined ? undefined : readStat(child.pid);
  if (stat === undefined || livingStat(stat) === undefined) throw notStarted("its init ended at once");
  const identity: ProcessIdentity = { pid: stat.pid, startTicks: stat.startTicks };
  try {
    await start.note(identity);
  } catch (error) {
    // Without the word the init ends.
    child.stdin?.destroy();
    throw notStarted(errorText(error), error);
  }
  const ended = (): void => start.onEnd(identity, exitSentence(child.exitCode, child.signalCode));
  if (child.exitCode !== null || child.signalCode !== null) queueMicrotask(ended);
  else child.once("exit", ended);
  await new Promise<void>((resolve) => {
    child.stdin?.end(INIT_WORD, () => resolve());
  });
  return identity;
}

async function spawnInit({ paths, uid, command, environment }: GuestStart): Promise<ChildProcess> {
  const log = await openLog(paths, uid);
  try {
    const child = spawn("/bin/sh", [paths.init, ...command], {
      // A session of its own: it outlives the server, and the terminal's Ctrl-C does not reach it.
      detached: true,
      cwd: paths.homeDir,
      env: { ...environment },
      stdio: ["pipe", log.fd, log.fd],
      ...(uid === undefined ? {} : { uid, gid: uid }),
    });
    await once(child, "spawn");
    child.on("error", () => {});
    // An init that was killed before it read the word is told by its exit.
    child.stdin?.on("error", () => {});
    return child;
  } catch (error) {
    throw notStarted(errorText(error), error);
  } finally {
    await log.close();
  }
}

/** For the caller of a driver: why a guest does not run. */
export function notStarted(reason: string, cause?: unknown): GatehouseError {
  return new GatehouseError("unavailable", `The guest could not be started: ${reason}.`, { cause });
}
