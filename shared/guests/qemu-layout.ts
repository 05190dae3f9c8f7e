/**
 * How the qemu driver keeps its guests on a host, for the driver that writes it and the probes that read it.
 *
 *     <runDir>/             0711
 *       <vm id>/            1770 (0700 without own uids): the guest's QEMU may put files there, and only take away its own
 *         guest.json        which process the guest's QEMU is, as the process driver's (process-layout.ts)
 *         qmp.sock          QMP for the driver
 *         qmp-probe.sock    QMP for the probes
 *         qmp-news.sock     QMP whose events the driver hears
 *         net.0, net.1      sockets of the guest's interfaces, by their numbers (gateway/cloud/embedded/wire)
 *         disk.0, disk.1    the guest's disks, by OpenNebula's numbers
 *         vnc.sock          its screen, where its template asks for one; vnc.password has that one's password
 *         agent.sock        the port of qemu-guest-agent, where its template asks for one
 *         nvram.*           the variables of its UEFI firmware, by the names of those they began as
 *         nics.json         the interfaces that it booted with, as its VM's template had them
 *         context.iso       rebuilt at each boot
 *         memory            what `stop` saved
 *         log, log.old      the serial console, bounded
 *         qemu.log          what QEMU itself has to say, bounded
 *
 * A QMP socket serves one client at a time, and leaves the next one waiting without a greeting. So the driver keeps
 * `qmp-news.sock` open, while it comes to `qmp.sock`, and probes to theirs, for a moment, one after another. QEMU is started
 * with `-qmp unix:<dir>/<name>,server=on,wait=off` for each.
 *
 * Linux allows a socket's path 107 bytes. Tap interfaces bear the names of OpenNebula's drivers, `one-<vm id>-<nic id>`.
 */

import { join } from "node:path";
import { guestPaths } from "./process-layout.ts";
import type { ProcessIdentity } from "./process-proc.ts";

/** Of a socket's path, the closing zero byte not among them (unix(7)). */
export const MAX_SOCKET_PATH_BYTES = 107;

export interface QemuGuestPaths {
  readonly dir: string;
  readonly note: string;
  readonly driverMonitor: string;
  readonly probeMonitor: string;
  readonly newsMonitor: string;
  readonly nics: string;
  readonly context: string;
  readonly memory: string;
  /** Where QEMU's memory is handed over, while it is saved or restored. */
  readonly memorySocket: string;
  readonly display: string;
  readonly displayPassword: string;
  /** Of the port that qemu-guest-agent listens to. */
  readonly agent: string;
  readonly log: string;
  readonly oldLog: string;
  readonly qemuLog: string;
}

export function qemuGuestPaths(runDir: string, vmId: number): QemuGuestPaths {
  const { dir, note, log, oldLog } = guestPaths(runDir, vmId);
  return {
    dir,
    note,
    log,
    oldLog,
    driverMonitor: join(dir, "qmp.sock"),
    probeMonitor: join(dir, "qmp-probe.sock"),
    newsMonitor: join(dir, "qmp-news.sock"),
    nics: join(dir, "nics.json"),
    context: join(dir, "context.iso"),
    memory: join(dir, "memory"),
    memorySocket: join(dir, "memory.sock"),
    display: join(dir, "vnc.sock"),
    displayPassword: join(dir, "vnc.password"),
    agent: join(dir, "agent.sock"),
    qemuLog: join(dir, "qemu.log"),
  };
}

export function qemuDiskPath(dir: string, diskId: number): string {
  return join(dir, `disk.${diskId}`);
}

/** @param name of the variables that the guest's began as. */
export function qemuNvramPath(dir: string, name: string): string {
  return join(dir, `nvram.${name}`);
}

export function qemuWirePath(dir: string, nicId: number): string {
  return join(dir, `net.${nicId}`);
}

/** The driver's DEPLOY_ID: the guest's QEMU. */
export function qemuDeployIdOf({ pid, startTicks }: ProcessIdentity): string {
  return `qemu:${pid}:${startTicks}`;
}

/** The process that a DEPLOY_ID means; undefined for any other text. */
export function parseQemuDeployId(deployId: string): ProcessIdentity | undefined {
  const [, pid, startTicks] = /^qemu:(\d+):(\d+)$/.exec(deployId) ?? [];
  return Number(pid) > 1 ? { pid: Number(pid), startTicks: Number(startTicks) } : undefined;
}
