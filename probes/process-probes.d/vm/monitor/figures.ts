/**
 * What the VMs of the process driver use: CPU in percent of one processor since the last round (since its start for a
 * guest that is new to us), MEMORY in KiB, bytes and calls to files and devices. No NETRX and NETTX: guests share the
 * host's network, and Linux does not count it by process.
 */

import { findGuests, type LiveGuest, needRunDir, ownerOf } from "../../../lib/process-guests.ts";
import { Members, type OwnedGuest } from "../../../lib/process-members.ts";
import { type Counted, Meter, NOTHING } from "../../../lib/process-meter.ts";
import { type ProcessRow, readIo, readMemoryKiB, TICKS_A_SECOND } from "../../../lib/process-usage.ts";
import { readText } from "../../../lib/read.ts";
import { lines, vmFigures } from "../../../lib/text.ts";
import type { Probe, ProbeHost, ProbeModule } from "../../../probe.ts";

/** What is kept of a guest from round to round. */
interface Known {
  readonly deployId: string;
  readonly owner: OwnedGuest["owner"];
  readonly meter: Meter;
  atMs: number | undefined;
}

export const probe: ProbeModule = { group: "vm/monitor", name: "figures", create: createFiguresProbe };

function createFiguresProbe(): Probe {
  const members = new Members();
  let known = new Map<number, Known>();
  return {
    async read(host) {
      const runDir = needRunDir(host.settings.processRunDir);
      const guests = findGuests(host).live.flatMap(
        (guest) => recognise(guest, known.get(guest.vmId), runDir) ?? [],
      );
      known = new Map(guests.map(({ guest, keep }) => [guest.vmId, keep]));
      const owned = guests.map(({ guest, keep }) => ({ ...guest, owner: keep.owner }));
      const processes = members.find(host.procRoot, owned);
      return guests
        .map(({ guest, keep }) => {
          const text = figures(host, guest, keep, processes.get(guest.vmId) ?? []);
          return vmFigures(guest.vmId, guest.deployId, text);
        })
        .join("");
    },
  };
}

/** A guest with another init is another guest; one whose folder goes away meanwhile is none. */
function recognise(
  guest: LiveGuest,
  before: Known | undefined,
  runDir: string,
): { readonly guest: LiveGuest; readonly keep: Known } | undefined {
  if (before?.deployId === guest.deployId) return { guest, keep: before };
  try {
    const owner = ownerOf(runDir, guest.vmId);
    return { guest, keep: { deployId: guest.deployId, owner, meter: new Meter(), atMs: undefined } };
  } catch {
    return undefined;
  }
}

function figures(host: ProbeHost, guest: LiveGuest, keep: Known, rows: readonly ProcessRow[]): string {
  const { procRoot, clock } = host;
  const io = rows.map(({ pid }) => readIo(procRoot, pid));
  const counted = rows.map((row, index): Counted => ({ ...NOTHING, ...io[index], ticks: row.ticks, row }));
  const memory = rows.flatMap(({ pid }) => readMemoryKiB(procRoot, pid) ?? []);
  const { ticks } = keep.meter.take(counted);
  const atMs = clock.elapsed();
  const seconds = keep.atMs === undefined ? secondsOld(procRoot, guest) : (atMs - keep.atMs) / 1000;
  keep.atMs = atMs;
  const { total } = keep.meter;
  const disk = io.some((one) => one !== undefined);
  return lines({
    CPU: seconds > 0 ? ((ticks / TICKS_A_SECOND / seconds) * 100).toFixed(1) : undefined,
    MEMORY: memory.length === 0 ? undefined : memory.reduce((sum, one) => sum + one, 0),
    DISKRDBYTES: disk ? total.readBytes : undefined,
    DISKWRBYTES: disk ? total.writtenBytes : undefined,
    DISKRDIOPS: disk ? total.reads : undefined,
    DISKWRIOPS: disk ? total.writes : undefined,
  });
}

/** Since the start of the guest's init; 0 when that cannot be told, as under a clock of boot that is not the host's. */
function secondsOld(procRoot: string, { leader }: LiveGuest): number {
  const uptime = Number.parseFloat(readText(`${procRoot}/uptime`) ?? "");
  const seconds = uptime - leader.startTicks / TICKS_A_SECOND;
  return Number.isFinite(seconds) ? seconds : 0;
}
