/** Recorded metrics as the readings of VMs that a simulation makes and ends: what they said up to a moment. */

import type { ObservedVm } from "./lookup.ts";
import type { RecordedMetric } from "./metrics-csv.ts";
import { leadingNumber } from "./numbers.ts";
import type { Sample } from "./samples.ts";

/** Metrics of one role, in order of time. */
export interface Recording {
  /** The moments at which something was recorded, ms since the epoch, ascending. */
  readonly moments: readonly number[];
  /** The `index`-th VM that the role ever has, as it was at a moment. */
  vm(index: number, id: number, atMs: number): ObservedVm;
  history(index: number, key: string, sinceMs: number, atMs: number): readonly Sample[];
}

interface Spoken {
  readonly at: number;
  readonly text: string;
}

/** The recorded VMs, in the order in which they first speak, are the first VMs of the role; later ones say nothing. */
export function recordingOf(metrics: readonly RecordedMetric[], role: string): Recording {
  const own = metrics.filter((metric) => metric.role === undefined || metric.role === role);
  const sorted = own.toSorted((a, b) => a.at - b.at);
  const vmOrder = [...new Set(sorted.flatMap(({ vm }) => (vm === undefined ? [] : [vm])))];
  const series = new Map<string, Spoken[]>();
  for (const { at, vm, key, text } of sorted) {
    const name = nameOf(vm === undefined ? undefined : vmOrder.indexOf(vm), key);
    const spoken = series.get(name) ?? [];
    series.set(name, spoken);
    spoken.push({ at, text });
  }
  /** What a VM says of itself goes before what is said of all. */
  const find = (index: number, key: string): readonly Spoken[] => {
    const plain = key.includes(".") ? key.slice(key.indexOf(".") + 1) : key;
    const names = [
      nameOf(index, key),
      nameOf(index, plain),
      nameOf(undefined, key),
      nameOf(undefined, plain),
    ];
    return names.map((name) => series.get(name)).find((spoken) => spoken !== undefined) ?? [];
  };
  return {
    moments: [...new Set(sorted.map(({ at }) => at))],
    vm: (index, id, atMs) => ({
      id,
      counts: true,
      attribute: (place, name) => before(find(index, `${place}.${name}`), atMs).at(-1)?.text,
    }),
    history: (index, key, sinceMs, atMs) =>
      before(find(index, key), atMs).flatMap(({ at, text }) => {
        const value = leadingNumber(text);
        return at > sinceMs && value !== undefined ? [{ at, value }] : [];
      }),
  };
}

function nameOf(index: number | undefined, key: string): string {
  return `${index ?? "*"}/${key}`;
}

/** What was said up to a moment, that moment included. */
function before(spoken: readonly Spoken[], atMs: number): readonly Spoken[] {
  let low = 0;
  let high = spoken.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((spoken[middle]?.at ?? Number.POSITIVE_INFINITY) <= atMs) low = middle + 1;
    else high = middle;
  }
  return spoken.slice(0, low);
}
