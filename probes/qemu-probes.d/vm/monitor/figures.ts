/**
 * What the qemu driver's VMs use: CPU and MEMORY of their QEMU from /proc, disks as QEMU counts them, which is what
 * the guest asked for. /proc/PID/io counts something else (what the host's page cache did not have), so it does not stand
 * in for a QEMU that does not answer: its disks' figures are then left out. NETRX and NETTX are counted at taps, by the
 * kernel, and at wires, by the house; user-mode networking is sockets inside QEMU, which nobody counts.
 */

import { askQmp } from "../../../../shared/guests/qmp.ts";
import { readWireTraffic } from "../../../../shared/guests/wire-traffic.ts";
import { atOnce } from "../../../lib/at-once.ts";
import { diskSizes } from "../../../lib/disk-size.ts";
import { readMemoryKiB, readProcess, TICKS_A_SECOND } from "../../../lib/process-usage.ts";
import { findQemuGuests, type QemuGuest } from "../../../lib/qemu-guests.ts";
import { diskBytes, diskCounts } from "../../../lib/qmp-disks.ts";
import { Rates } from "../../../lib/rates.ts";
import { lines, vmFigures } from "../../../lib/text.ts";
import { readVmTraffic, type VmTraffic } from "../../../lib/vm-interfaces.ts";
import type { ProbeHost, ProbeModule } from "../../../probe.ts";

/** Sockets open at a time. */
const ASKED_AT_ONCE = 128;

export const probe: ProbeModule = {
  group: "vm/monitor",
  name: "figures",
  create() {
    const rates = new Rates();
    return { read: (host) => readFigures(host, rates) };
  },
};

async function readFigures(host: ProbeHost, rates: Rates): Promise<string> {
  const { live } = findQemuGuests(host);
  const traffic = readVmTraffic(host.sysRoot);
  const own = live.map((guest) => processFigures(host, guest, traffic.get(guest.vmId), rates));
  rates.endRound();
  const disks = await atOnce(live, ASKED_AT_ONCE, (guest) => diskFigures(host, guest));
  return live
    .map((guest, index) => {
      const figures = `${own[index] ?? ""}${disks[index] ?? ""}`;
      return figures === "" ? "" : vmFigures(guest.vmId, guest.deployId, figures);
    })
    .join("");
}

function processFigures(
  { procRoot, clock }: ProbeHost,
  { process: { pid, startTicks }, dir, deployId }: QemuGuest,
  taps: VmTraffic | undefined,
  rates: Rates,
): string {
  const row = readProcess(procRoot, pid);
  // The pid may be another's since it was looked up.
  if (row === undefined || row.startTicks !== startTicks) return "";
  const wires = readWireTraffic(dir, { pid, startTicks });
  const cpu = rates.perSecond(deployId, row.ticks / TICKS_A_SECOND, clock.elapsed());
  return lines({
    CPU: cpu === undefined ? undefined : (cpu * 100).toFixed(1),
    MEMORY: readMemoryKiB(procRoot, pid),
    NETRX: sumOf(taps?.receivedBytes, wires?.receivedBytes),
    NETTX: sumOf(taps?.sentBytes, wires?.sentBytes),
  });
}

/** Of what is known; undefined where nothing is. */
function sumOf(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined && other === undefined ? undefined : (one ?? 0) + (other ?? 0);
}

async function diskFigures(host: ProbeHost, { monitor }: QemuGuest): Promise<string> {
  try {
    const [stats, blocks] = await askQmp(monitor, ["query-blockstats", "query-block"], host);
    const counts = diskCounts(stats);
    const figures = lines({
      DISKRDBYTES: counts?.readBytes,
      DISKWRBYTES: counts?.writtenBytes,
      DISKRDIOPS: counts?.readOperations,
      DISKWRIOPS: counts?.writeOperations,
    });
    return figures + diskSizes(diskBytes(blocks));
  } catch {
    // What /proc tells of it stands by itself.
    return "";
  }
}
