/** The latest of each VM, everything it ever told still in it, as far as one host may make the daemon remember. */

import { MAX_VMS } from "../../../shared/monitor/limits.ts";
import { attributesOf, type VmReading } from "../../../shared/monitor/readings.ts";
import type { LatestReading } from "../../cloud/monitoring.ts";

/** A VM whose readings name ever new attributes keeps those of its last reading only. */
const MAX_ATTRIBUTES = 1_024;

/** One that nobody measures any more is forgotten; and what seems to come so late, comes after a clock was set back. */
const FORGET_S = 3_600;

interface Kept extends LatestReading {
  readonly hostId: number;
}

export class VmReadings {
  readonly #kept = new Map<number, Kept>();
  readonly #ofHost = new Map<number, number>();

  /** What the VM told before this daemon started. Nothing where something newer is known, or it is too old to count. */
  remember(hostId: number, vmId: number, last: LatestReading, nowS: number): void {
    if (this.#kept.has(vmId) || last.at < nowS - FORGET_S || (this.#ofHost.get(hostId) ?? 0) >= MAX_VMS)
      return;
    this.#count(hostId, 1);
    this.#kept.set(vmId, { ...last, hostId });
  }

  /** The VM's latest, with this reading over it; undefined where its host tells of more VMs than a host can have. */
  put(hostId: number, vmId: number, reading: VmReading, at: number): LatestReading | undefined {
    const before = this.#kept.get(vmId);
    if (before?.hostId !== hostId) {
      if ((this.#ofHost.get(hostId) ?? 0) >= MAX_VMS) return undefined;
      this.#count(hostId, 1);
      if (before !== undefined) this.#count(before.hostId, -1);
    }
    // What was measured earlier, and came late, is history: it takes nothing of the latest, and changes none of it.
    if (before !== undefined && before.at > at && before.at - at < FORGET_S)
      return { at, attributes: attributesOf(reading) };
    const merged = { ...before?.attributes, ...attributesOf(reading) };
    const attributes = Object.keys(merged).length > MAX_ATTRIBUTES ? attributesOf(reading) : merged;
    const latest = { at, attributes, hostId };
    this.#kept.set(vmId, latest);
    return latest;
  }

  get(vmId: number): LatestReading | undefined {
    return this.#kept.get(vmId);
  }

  forgetOld(nowS: number): void {
    for (const [vmId, { at, hostId }] of this.#kept) {
      if (at >= nowS - FORGET_S) continue;
      this.#kept.delete(vmId);
      this.#count(hostId, -1);
    }
  }

  #count(hostId: number, by: number): void {
    const count = (this.#ofHost.get(hostId) ?? 0) + by;
    if (count > 0) this.#ofHost.set(hostId, count);
    else this.#ofHost.delete(hostId);
  }
}
