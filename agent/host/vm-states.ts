/**
 * Which states of VMs the agent has told, and what a round's list makes of them: changes at once, the full list now and
 * then, POWEROFF for a VM that stays away (spec monitoring.md 7).
 */

import type { StatesReading, VmStateReading } from "../../shared/monitor/readings.ts";

/** Rounds that a VM may be missing: one that reboots vanishes for a moment. probe_db.conf's times_missing. */
export const TIMES_MISSING = 5;

export interface StatesRound {
  /** What the probes that succeeded listed. */
  readonly listed: readonly VmStateReading[];
  /** Whether a probe failed, so that what is not listed may still be there. */
  readonly failed: boolean;
  /** Of Clock.elapsed. */
  readonly elapsedMs: number;
  /** False while a full report would only wait in the spool. */
  readonly mayTellAll: boolean;
}

export interface VmStatesOptions {
  readonly syncEveryMs: number;
  /** What an earlier agent on this host has told; undefined when nothing is known. */
  readonly told: readonly VmStateReading[] | undefined;
}

interface Known {
  readonly reading: VmStateReading;
  /** Rounds in a row that did not list it. */
  readonly missing: number;
}

export class VmStates {
  readonly #syncEveryMs: number;
  #known: ReadonlyMap<string, Known>;
  #toldAllAtMs: number | undefined;
  #failedRounds = 0;
  /** Rounds that must pass before the first full report: one names all that is not listed as powered off. */
  #settling: number;

  constructor({ syncEveryMs, told }: VmStatesOptions) {
    this.#syncEveryMs = syncEveryMs;
    this.#known = new Map((told ?? []).map((reading) => [keyOf(reading), { reading, missing: 0 }]));
    // Without a memory, a VM that is away for a moment just now would be taken for gone.
    this.#settling = told === undefined ? TIMES_MISSING : 0;
  }

  /** What was told, to be kept for the next agent. */
  get told(): readonly VmStateReading[] {
    return [...this.#known.values()].map(({ reading }) => reading);
  }

  /** What is to be told now: changes, then the full list, or nothing. */
  round({ listed, failed, elapsedMs, mayTellAll }: StatesRound): readonly StatesReading[] {
    this.#failedRounds = failed ? this.#failedRounds + 1 : 0;
    const changes = this.#apply(new Map(listed.map((reading) => [keyOf(reading), reading])), failed);
    const readings = changes.length === 0 ? [] : [changed(changes)];
    if (failed) return readings;
    this.#settling = Math.max(0, this.#settling - 1);
    if (!mayTellAll || this.#settling > 0 || !this.#isDue(elapsedMs)) return readings;
    this.#toldAllAtMs = elapsedMs;
    return [...readings, { ...changed(this.told), sync: true, missingState: "POWEROFF" }];
  }

  /** The next round tells all, if it may. */
  tellAllSoon(): void {
    this.#toldAllAtMs = undefined;
  }

  #isDue(elapsedMs: number): boolean {
    return this.#toldAllAtMs === undefined || elapsedMs - this.#toldAllAtMs >= this.#syncEveryMs;
  }

  #apply(listed: ReadonlyMap<string, VmStateReading>, failed: boolean): readonly VmStateReading[] {
    const changes: VmStateReading[] = [];
    const known = new Map<string, Known>();
    for (const [key, before] of this.#known) {
      if (listed.has(key)) continue;
      const { keep, tell } = failed ? this.#unseen(before) : missed(before);
      if (keep !== undefined) known.set(key, keep);
      if (tell !== undefined) changes.push(tell);
    }
    for (const [key, reading] of listed) {
      if (!isSame(this.#known.get(key)?.reading, reading)) changes.push(reading);
      known.set(key, { reading, missing: 0 });
    }
    this.#known = known;
    return changes;
  }

  /** Not listed while a probe failed: after as many such rounds it is unknown, never powered off. */
  #unseen(before: Known): Verdict {
    if (this.#failedRounds < TIMES_MISSING || before.reading.state === "UNKNOWN") return { keep: before };
    const unknown: VmStateReading = { ...before.reading, state: "UNKNOWN" };
    return { keep: { ...before, reading: unknown }, tell: unknown };
  }
}

interface Verdict {
  readonly keep?: Known;
  readonly tell?: VmStateReading;
}

function missed({ reading, missing }: Known): Verdict {
  if (missing + 1 < TIMES_MISSING) return { keep: { reading, missing: missing + 1 } };
  return reading.state === "POWEROFF" ? {} : { tell: { ...reading, state: "POWEROFF" } };
}

function changed(vms: readonly VmStateReading[]): StatesReading {
  return { kind: "states", sync: false, missingState: undefined, vms, more: {} };
}

/** Wild VMs have no id of their own. */
function keyOf({ id, deployId }: VmStateReading): string {
  return id >= 0 ? String(id) : `wild ${deployId}`;
}

function isSame(one: VmStateReading | undefined, other: VmStateReading): boolean {
  return one !== undefined && one.state === other.state && one.deployId === other.deployId;
}
