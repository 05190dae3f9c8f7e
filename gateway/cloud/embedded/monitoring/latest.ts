/** The latest reading of each VM: kept as it came, since most are replaced before anybody asks for them. */

import { attributesOf, type VmReading } from "../../../../shared/monitor/readings.ts";
import type { Template } from "../../../../shared/template/types.ts";
import type { LatestReading } from "../../monitoring.ts";

/** A VM whose readings name ever new attributes keeps those of its last reading only. */
const MAX_ATTRIBUTES = 1_024;

interface Kept {
  readonly at: number;
  readonly reading: VmReading;
  /** What earlier readings told that this one does not: groups of probes take turns. */
  readonly under: Template | undefined;
}

export class LatestReadings {
  readonly #kept = new Map<number, Kept>();

  /** Keeps a reading, unless a later one is there already; whether it did. */
  put(vmId: number, reading: VmReading, at: number): boolean {
    const before = this.#kept.get(vmId);
    if (before !== undefined && before.at > at) return false;
    this.#kept.set(vmId, { at, reading, under: underOf(before, reading) });
    return true;
  }

  get(vmId: number): LatestReading | undefined {
    const kept = this.#kept.get(vmId);
    if (kept === undefined) return undefined;
    return { at: kept.at, attributes: { ...kept.under, ...attributesOf(kept.reading) } };
  }

  delete(vmId: number): void {
    this.#kept.delete(vmId);
  }
}

/** The usual case makes nothing: the same probes tell the same names again. */
function underOf(before: Kept | undefined, { names, more }: VmReading): Template | undefined {
  if (before === undefined) return undefined;
  const same = sameNames(before.reading.names, names) && sameKeys(before.reading.more, more);
  if (same) return before.under;
  const under = { ...before.under, ...attributesOf(before.reading) };
  return Object.keys(under).length > MAX_ATTRIBUTES ? undefined : under;
}

function sameNames(left: readonly string[], right: readonly string[]): boolean {
  return (
    left === right || (left.length === right.length && left.every((name, index) => name === right[index]))
  );
}

/** Most readings have nothing beside their metrics, and then often the same nothing. */
function sameKeys(left: Template, right: Template): boolean {
  return left === right || sameNames(Object.keys(left), Object.keys(right));
}
