/** Folders of the qemu driver's guests, and a /proc that knows their processes, in a temporary folder. */

import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { qemuGuestPaths } from "../../shared/guests/qemu-layout.ts";

export const BOOT_ID = "5f0c6d4e-0000-4000-8000-000000000001";

export interface QemuGuests {
  readonly runDir: string;
  readonly procRoot: string;
  /** Path of the probes' socket of this VM. */
  socket(vmId: number): string;
  /** Makes the folder and note of a guest. */
  note(vmId: number, note: unknown): Promise<void>;
  /** Makes a process, which has used so many ticks. */
  process(pid: number, startTicks: number, ticks: number, state?: string): Promise<void>;
  remove(): Promise<void>;
}

export async function qemuGuests(): Promise<QemuGuests> {
  const root = await mkdtemp(join(tmpdir(), "qemu-guests-"));
  const [runDir, procRoot] = [join(root, "run"), join(root, "proc")];
  await mkdir(runDir);
  await mkdir(join(procRoot, "sys/kernel/random"), { recursive: true });
  await writeFile(join(procRoot, "sys/kernel/random/boot_id"), `${BOOT_ID}\n`);
  return {
    runDir,
    procRoot,
    socket: (vmId) => qemuGuestPaths(runDir, vmId).probeMonitor,
    async note(vmId, note) {
      const { dir, note: path } = qemuGuestPaths(runDir, vmId);
      await mkdir(dir, { recursive: true });
      await writeFile(path, typeof note === "string" ? note : JSON.stringify(note));
    },
    async process(pid, startTicks, ticks, state = "S") {
      const dir = join(procRoot, String(pid));
      await mkdir(dir, { recursive: true });
      // Fields 3 to 22 of proc(5): state, parent, group, session, ..., utime and stime at 14 and 15, start at 22.
      const fields = [state, 1, pid, pid, 0, -1, 0, 0, 0, 0, 0, ticks - 1, 1, 0, 0, 20, 0, 3, 0, startTicks];
      await writeFile(join(dir, "stat"), `${pid} (qemu-system-x86) ${fields.join(" ")} 99 99\n`);
      await writeFile(join(dir, "status"), "Name:\tqemu\nVmRSS:\t  204800 kB\n");
    },
    remove: () => rm(root, { recursive: true, force: true }),
  };
}
