/** The guests whose QEMU lives: those this server started, and those it finds from an earlier one. Tells of each end once. */

import type { Clock } from "../../../../shared/clock.ts";
import { guestPaths } from "../../../../shared/guests/process-layout.ts";
import { isOwnedBy } from "../../../../shared/guests/process-owner.ts";
import { bootId, livingStat, marksOf, type ProcessIdentity } from "../../../../shared/guests/process-proc.ts";
import {
  parseQemuDeployId,
  type QemuGuestPaths,
  qemuGuestPaths,
} from "../../../../shared/guests/qemu-layout.ts";
import type { Vm } from "../../model.ts";
import { readNote, removeNote, trimLog, writeNote } from "./process-files.ts";
import { listenToQemu, type News } from "./qemu-news.ts";
import { type TrafficNote, trafficNote } from "./qemu-traffic.ts";
import type { GuestWire } from "./qemu-wires.ts";

/** A guest that was running when last looked at. */
export interface QemuGuest {
  readonly vmId: number;
  readonly process: ProcessIdentity;
  /** QMP for the driver. */
  readonly socket: string;
  /** Found, not started by this driver: its end is seen in /proc only. */
  readonly adopted: boolean;
  readonly wires: readonly GuestWire[];
  readonly ear: { close(): void };
  readonly traffic: TrafficNote;
  /** How its process ended, once that was seen. */
  end: QemuEnd | undefined;
  /** Its kernel told that it panicked: it does not hear any button any more. */
  hasPanicked: boolean;
}

export interface QemuEnd {
  /** Undefined when nobody saw how. */
  readonly code: number | null | undefined;
  readonly signal: NodeJS.Signals | null | undefined;
}

export interface RosterOptions {
  readonly runDir: string;
  readonly clock: Clock;
  readonly maxLogBytes: number;
  /** The guest's user; undefined: the house's. */
  readonly uidOf: (vmId: number) => number | undefined;
  /** An end that was not waited for by whoever caused it. */
  readonly onEnd: (guest: QemuGuest) => void;
  readonly onNews: (guest: QemuGuest, news: News) => void;
  /** Its console's log was too long, and has been cut. */
  readonly onCut: (guest: QemuGuest) => void;
}

/** How often adopted guests and all logs are looked at. */
const WATCH_MS = 1_000;

export class QemuRoster {
  readonly #options: RosterOptions;
  readonly #guests = new Map<number, QemuGuest>();
  #watching = false;
  #closed = false;

  constructor(options: RosterOptions) {
    this.#options = options;
  }

  get vmIds(): readonly number[] {
    return [...this.#guests.keys()];
  }

  paths(vmId: number): QemuGuestPaths {
    return qemuGuestPaths(this.#options.runDir, vmId);
  }

  /** As it was found or started last. */
  known(vmId: number): QemuGuest | undefined {
    return this.#guests.get(vmId);
  }

  /** Is it still the one that is known? */
  knows(guest: QemuGuest): boolean {
    return this.#guests.get(guest.vmId) === guest;
  }

  /** The guest of a VM if it is alive, watched from now on; `openWires` is for one that is found. */
  find(vm: Pick<Vm, "id" | "deployId">, openWires: () => readonly GuestWire[]): QemuGuest | undefined {
    const known = this.#guests.get(vm.id);
    if (known !== undefined && livingStat(known.process) !== undefined) return known;
    const process = this.recorded(vm);
    const stat = process && livingStat(process);
    // It leads its session; whatever else has that pid is not it.
    if (process === undefined || stat?.sessionId !== process.pid) return undefined;
    if (known?.process.pid === process.pid) return known;
    return this.#add({ vmId: vm.id, process, adopted: true, wires: openWires() });
  }

  /** Which process the VM was last: by the note in its directory, else by DEPLOY_ID if that process bears its marks. */
  recorded(vm: Pick<Vm, "id" | "deployId">): ProcessIdentity | undefined {
    const known = this.#guests.get(vm.id);
    if (known !== undefined) return known.process;
    const { runDir, uidOf } = this.#options;
    const note = readNote(guestPaths(runDir, vm.id));
    if (note !== undefined)
      return note.bootId === bootId() ? { pid: note.pid, startTicks: note.startTicks } : undefined;
    const process = parseQemuDeployId(vm.deployId);
    const owner = { contextDir: this.paths(vm.id).dir, uid: uidOf(vm.id) };
    return process && isOwnedBy(marksOf(process.pid), owner) ? process : undefined;
  }

  /** Makes durable which process a guest is that has not begun, and knows it from now on. */
  async note(
    vmId: number,
    process: ProcessIdentity,
    openWires: () => readonly GuestWire[],
  ): Promise<QemuGuest> {
    await writeNote(guestPaths(this.#options.runDir, vmId), process, bootId());
    const guest = this.#add({ vmId, process, adopted: false, wires: openWires() });
    // Before its QEMU begins, which could else put something in its place.
    await guest.traffic.write();
    return guest;
  }

  /** A process was seen to end. */
  ended(vmId: number, process: ProcessIdentity, end: QemuEnd): void {
    const guest = this.#guests.get(vmId);
    if (guest === undefined || guest.end !== undefined || guest.process.pid !== process.pid) return;
    guest.end = end;
    this.#options.onEnd(guest);
  }

  async forget(vmId: number): Promise<void> {
    this.#cut(this.#guests.get(vmId));
    this.#guests.delete(vmId);
    await removeNote(guestPaths(this.#options.runDir, vmId));
  }

  /** Lets go of all without ending them. */
  close(): void {
    this.#closed = true;
    for (const guest of this.#guests.values()) this.#cut(guest);
    this.#guests.clear();
  }

  #add(found: Omit<QemuGuest, "end" | "hasPanicked" | "socket" | "ear" | "traffic">): QemuGuest {
    this.#cut(this.#guests.get(found.vmId));
    const { clock, onNews } = this.#options;
    const { dir, driverMonitor, newsMonitor } = this.paths(found.vmId);
    const ear = listenToQemu({ path: newsMonitor, clock, hear: (news) => onNews(guest, news) });
    const traffic = trafficNote({ dir, ...found });
    const state = { end: undefined, hasPanicked: false };
    const guest: QemuGuest = { ...found, socket: driverMonitor, ear, traffic, ...state };
    this.#guests.set(guest.vmId, guest);
    if (!this.#watching) this.#watchLater();
    return guest;
  }

  #cut(guest: QemuGuest | undefined): void {
    for (const wire of guest?.wires ?? []) wire.close();
    guest?.ear.close();
  }

  #watchLater(): void {
    this.#watching = this.#guests.size > 0 && !this.#closed;
    if (this.#watching)
      this.#options.clock.after(WATCH_MS, () => void this.#look().then(() => this.#watchLater()));
  }

  async #look(): Promise<void> {
    for (const guest of [...this.#guests.values()]) {
      const { vmId, process, adopted } = guest;
      if (adopted && livingStat(process) === undefined)
        this.ended(vmId, process, { code: undefined, signal: undefined });
      await guest.traffic.write().catch(() => {});
      if (await this.#trim(vmId)) this.#options.onCut(guest);
    }
  }

  /** Whether the console's log was cut. */
  async #trim(vmId: number): Promise<boolean> {
    const paths = guestPaths(this.#options.runDir, vmId);
    const { maxLogBytes } = this.#options;
    const { qemuLog } = this.paths(vmId);
    await trimLog({ log: qemuLog, oldLog: `${qemuLog}.old` }, maxLogBytes).catch(() => {});
    return await trimLog(paths, maxLogBytes).catch(() => false);
  }
}
