/** Starts a guest's QEMU so that none is ever started and forgotten. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { errorText } from "../../../../shared/errors.ts";
import { livingStat, type ProcessIdentity, readStat } from "../../../../shared/guests/process-proc.ts";
import type { QemuGuestPaths } from "../../../../shared/guests/qemu-layout.ts";
import { INIT_WORD } from "./process-init.ts";
import { notStarted } from "./process-spawn.ts";
import { TOOL_ENVIRONMENT } from "./tool.ts";

/**
 * Becomes QEMU (the same process) once it has the word of the house, which first notes who it is; without the word (the
 * house died in between) it ends. Its words are a program's name and arguments, and never read as shell text. Sockets
 * that QEMU makes are for its own user, and its memory is the guest's, so no core file of it is left anywhere.
 */
const BECOME_QEMU = `umask 077; ulimit -c 0
IFS= read -r gatehouse_word || exit 0
[ "$gatehouse_word" = start ] || exit 0
unset gatehouse_word
exec "$0" "$@" </dev/null`;

const APPEND = constants.O_WRONLY | constants.O_CREAT | constants.O_APPEND | constants.O_NOFOLLOW;

export interface QemuStart {
  readonly paths: QemuGuestPaths;
  readonly binary: string;
  readonly arguments: readonly string[];
  /** The uid and gid to run as; undefined: the server's own. */
  readonly uid: number | undefined;
  /** Makes durable which process the guest is. */
  note(identity: ProcessIdentity): Promise<void>;
  /** Called once, when it has ended. */
  onEnd(identity: ProcessIdentity, code: number | null, signal: NodeJS.Signals | null): void;
}

/** Resolves once QEMU may begin. @throws GatehouseError `unavailable` when the system does not let it start. */
export async function spawnQemu(start: QemuStart): Promise<ProcessIdentity> {
  const child = await spawnShell(start);
  child.unref();
  const stat = child.pid === undefined ? undefined : readStat(child.pid);
  if (stat === undefined || livingStat(stat) === undefined) throw notStarted("its process ended at once");
  const identity: ProcessIdentity = { pid: stat.pid, startTicks: stat.startTicks };
  const ended = (): void => start.onEnd(identity, child.exitCode, child.signalCode);
  try {
    await start.note(identity);
  } catch (error) {
    // Without the word it ends.
    child.stdin?.destroy();
    throw notStarted(errorText(error), error);
  }
  if (child.exitCode !== null || child.signalCode !== null) queueMicrotask(ended);
  else child.once("exit", ended);
  await new Promise<void>((resolve) => {
    child.stdin?.end(INIT_WORD, () => resolve());
  });
  return identity;
}

async function spawnShell({ paths, uid, binary, arguments: given }: QemuStart): Promise<ChildProcess> {
  const logs: FileHandle[] = [];
  try {
    // Appending, so that cutting them short leaves no hole. They stay the house's: QEMU has them open, that is enough.
    for (const path of [paths.log, paths.qemuLog]) logs.push(await open(path, APPEND, 0o600));
    const child = spawn("/bin/sh", ["-c", BECOME_QEMU, binary, ...given], {
      // A session of its own: it outlives the server, and the terminal's Ctrl-C does not reach it.
      detached: true,
      cwd: paths.dir,
      env: { ...TOOL_ENVIRONMENT, CONTEXT_DIR: paths.dir },
      stdio: ["pipe", logs[0]?.fd, logs[1]?.fd],
      ...(uid === undefined ? {} : { uid, gid: uid }),
    });
    await once(child, "spawn");
    child.on("error", () => {});
    child.stdin?.on("error", () => {});
    return child;
  } catch (error) {
    throw notStarted(errorText(error), error);
  } finally {
    for (const log of logs) await log.close();
  }
}
