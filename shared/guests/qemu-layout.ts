/**
 * How the qemu driver keeps its guests on a host, for the driver that writes it and the probes that read it.
 *
 *     <runDir>/             0711
 *       <vm id>/            belongs to the house
 *         guest.json        which process the guest's QEMU is, as the process driver's (process-layout.ts)
 *         qmp.sock          QMP for the driver
 *         qmp-probe.sock    QMP for the probes
 *         disk.0, disk.1    the guest's disks, by OpenNebula's numbers
 *
 * A QMP socket serves one client at a time, and leaves the next one waiting without a greeting. So the driver may keep
 * `qmp.sock` open, while probes come to theirs for a moment, one after another. QEMU is started with both:
 *
 *     -qmp unix:<dir>/qmp.sock,server=on,wait=off -qmp unix:<dir>/qmp-probe.sock,server=on,wait=off
 *
 * Linux allows a socket's path 107 bytes. Tap interfaces bear the names of OpenNebula's drivers, `one-<vm id>-<nic id>`.
 */

import { join } from "node:path";
import { guestPaths } from "./process-layout.ts";
import type { ProcessIdentity } from "./process-proc.ts";

export interface QemuGuestPaths {
  readonly dir: string;
  readonly note: string;
  readonly driverMonitor: string;
  readonly probeMonitor: string;
}

export function qemuGuestPaths(runDir: string, vmId: number): QemuGuestPaths {
  const { dir, note } = guestPaths(runDir, vmId);
  return {
    dir,
    note,
    driverMonitor: join(dir, "qmp.sock"),
    probeMonitor: join(dir, "qmp-probe.sock"),
  };
}

/** The driver's DEPLOY_ID: the guest's QEMU. */
export function qemuDeployIdOf({ pid, startTicks }: ProcessIdentity): string {
  return `qemu:${pid}:${startTicks}`;
}
