/** The latest of each VM, everything it ever told still in it, as far as one host may make the daemon remember. */

import { MAX_VMS } from "../../../shared/monitor/limits.ts";
import { attributesOf, type VmReading } from "../../../shared/monitor/readings.ts";
import { type Template, valuesOf } from "../../../shared/template/types.ts";
import type { LatestReading } from "../../cloud/monitoring.ts";

/** A VM whose readings name ever new attributes, or hold ever more text, keeps those of its last reading only. */
const MAX_ATTRIBUTES = 1_024;
const MAX_VM_CHARACTERS = 128 * 1024;

/** Of all VMs of a host, and of all hosts: 10,000 VMs take some 20 million. What is beyond goes on, and is not remembered. */
const MAX_HOST_CHARACTERS = 16 * 1024 * 1024;
const MAX_CHARACTERS = 256 * 1024 * 1024;

/** What an attribute takes beside its text. */
const ATTRIBUTE_CHARACTERS = 32;

/** One that nobody measures any more is forgotten; and what seems to come so late, comes after a clock was set back. */
const FORGET_S = 3_600;

interface Kept extends LatestReading {
  readonly hostId: number;
  readonly characters: number;
}

interface Held {
  readonly vms: number;
  readonly characters: number;
}

const NOTHING: Held = { vms: 0, characters: 0 };

export class VmReadings {
  readonly #kept = new Map<number, Kept>();
  readonly #ofHost = new Map<number, Held>();
  #characters = 0;

  /** What the VM told before this daemon started. Nothing where something newer is known, or it is too old to count. */
  remember(hostId: number, vmId: number, last: LatestReading, nowS: number): void {
    if (this.#kept.has(vmId) || last.at < nowS - FORGET_S || this.#held(hostId).vms >= MAX_VMS) return;
    this.#keep(hostId, vmId, last);
  }

  /** The VM's latest, with this reading over it; undefined where its host tells of more VMs than a host can have. */
  put(hostId: number, vmId: number, reading: VmReading, at: number): LatestReading | undefined {
    const before = this.#kept.get(vmId);
    if (before?.hostId !== hostId && this.#held(hostId).vms >= MAX_VMS) return undefined;
    // A copy: a piece of a text holds all of that text, which a hostile host makes large.
    const told = structuredClone(attributesOf(reading));
    // What was measured earlier, and came late, is history: it takes nothing of the latest, and changes none of it.
    if (before !== undefined && before.at > at && before.at - at < FORGET_S) return { at, attributes: told };
    this.#drop(vmId);
    const merged = { at, attributes: { ...before?.attributes, ...told } };
    if (this.#keep(hostId, vmId, merged)) return merged;
    const alone = { at, attributes: told };
    this.#keep(hostId, vmId, alone);
    return alone;
  }

  get(vmId: number): LatestReading | undefined {
    return this.#kept.get(vmId);
  }

  forgetOld(nowS: number): void {
    for (const [vmId, { at }] of this.#kept) if (at < nowS - FORGET_S) this.#drop(vmId);
  }

  /** False where it is more than may be remembered. */
  #keep(hostId: number, vmId: number, { at, attributes }: LatestReading): boolean {
    const characters = charactersOf(attributes);
    const held = this.#held(hostId);
    if (
      Object.keys(attributes).length > MAX_ATTRIBUTES ||
      characters > MAX_VM_CHARACTERS ||
      held.characters + characters > MAX_HOST_CHARACTERS ||
      this.#characters + characters > MAX_CHARACTERS
    )
      return false;
    this.#kept.set(vmId, { at, attributes, hostId, characters });
    this.#count(hostId, 1, characters);
    return true;
  }

  #drop(vmId: number): void {
    const kept = this.#kept.get(vmId);
    if (kept === undefined) return;
    this.#kept.delete(vmId);
    this.#count(kept.hostId, -1, -kept.characters);
  }

  #held(hostId: number): Held {
    return this.#ofHost.get(hostId) ?? NOTHING;
  }

  #count(hostId: number, byVms: number, byCharacters: number): void {
    const held = this.#held(hostId);
    this.#characters += byCharacters;
    const after = { vms: held.vms + byVms, characters: held.characters + byCharacters };
    if (after.vms > 0) this.#ofHost.set(hostId, after);
    else this.#ofHost.delete(hostId);
  }
}

/** What attributes take in memory, in characters. */
export function charactersOf(attributes: Template): number {
  let characters = 0;
  for (const name of Object.keys(attributes))
    for (const value of valuesOf(attributes, name)) {
      characters += name.length + ATTRIBUTE_CHARACTERS;
      if (typeof value === "string") characters += value.length;
      else
        for (const [inner, text] of Object.entries(value))
          characters += inner.length + text.length + ATTRIBUTE_CHARACTERS;
    }
  return characters;
}
