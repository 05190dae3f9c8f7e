/**
 * The values of one role's VMs. Each metric that an expression asks for has a column, kept up to date as VMs report,
 * so that one report costs that VM's look-ups, and a decision no look at any VM.
 */

import { Column } from "./column.ts";
import { type IgnoredValue, lookUp, type ObservedVm, placesOf } from "./lookup.ts";
import { roundToHundredths } from "./numbers.ts";
import { overTime, type SampleHistory } from "./samples.ts";
import type { Place, Reference } from "./syntax.ts";

/** What a reference comes to over the VMs of a role that count. */
export interface Reading {
  readonly key: string;
  /** To two decimals; undefined where no VM has it. */
  readonly value: number | undefined;
  /** How many VMs have it, of how many that count. */
  readonly vms: number;
  readonly of: number;
  /** The first MAX_IGNORED_SHOWN of `ignoredCount`. */
  readonly ignored: readonly IgnoredValue[];
  readonly ignoredCount: number;
}

/** What a decision wants to know; RoleReadings is one, recorded metrics another. */
export interface Readings {
  /** @param nowMs the end of the stretch that a function over time covers. */
  read(reference: Reference, nowMs: number): Reading;
  /** Of one VM, counting or not; undefined where it has none. */
  ofVm(vmId: number, reference: Reference): number | undefined;
  /** The text of an attribute that a guest wrote about itself. */
  guestText(vmId: number, name: string): string | undefined;
}

export interface ReadingsOptions {
  /** Names that guests may supply, in any case; undefined: every one. */
  readonly guestMetrics?: readonly string[] | undefined;
  /** For functions over time; without it they have no data. */
  readonly history?: SampleHistory | undefined;
}

export const MAX_IGNORED_SHOWN = 5;

/** A metric that some expression asks for. */
interface Metric {
  readonly name: string;
  readonly places: readonly Place[];
  readonly column: Column;
  readonly ignored: Map<number, IgnoredValue>;
  /** Until something changes. */
  reading: Reading | undefined;
}

interface Slotted {
  readonly vm: ObservedVm;
  /** Its place in every column. */
  readonly slot: number;
}

export class RoleReadings implements Readings {
  readonly #guestMetrics: ReadonlySet<string> | undefined;
  readonly #history: SampleHistory | undefined;
  readonly #vms = new Map<number, Slotted>();
  readonly #metrics = new Map<string, Metric>();
  readonly #freeSlots: number[] = [];
  #slots = 0;
  #counting = 0;

  constructor({ guestMetrics, history }: ReadingsOptions = {}) {
    this.#guestMetrics = guestMetrics && new Set(guestMetrics.map((name) => name.toUpperCase()));
    this.#history = history;
  }

  /** A VM is new, or something of it changed: its values are looked up anew. */
  set(vm: ObservedVm): void {
    const before = this.#vms.get(vm.id);
    const slot = before?.slot ?? this.#freeSlots.pop() ?? this.#slots++;
    const slotted = { vm, slot };
    this.#vms.set(vm.id, slotted);
    const change = Number(vm.counts) - Number(before?.vm.counts ?? false);
    this.#counting += change;
    for (const metric of this.#metrics.values()) {
      if (change !== 0) metric.reading = undefined;
      fill(metric, slotted);
    }
  }

  /** A VM is no longer of the role. */
  remove(vmId: number): void {
    const slotted = this.#vms.get(vmId);
    if (slotted === undefined) return;
    this.#vms.delete(vmId);
    if (slotted.vm.counts) this.#counting -= 1;
    this.#freeSlots.push(slotted.slot);
    for (const metric of this.#metrics.values()) {
      metric.column.set(slotted.slot, undefined);
      metric.ignored.delete(vmId);
      metric.reading = undefined;
    }
  }

  get vmIds(): Iterable<number> {
    return this.#vms.keys();
  }

  read(reference: Reference, nowMs: number): Reading {
    const metric = this.#metricOf(reference);
    if (reference.over !== undefined) return this.#readOverTime(reference, reference.over, metric, nowMs);
    metric.reading ??= this.#readingOf(reference.key, metric, metric.column.mean());
    return metric.reading;
  }

  ofVm(vmId: number, reference: Reference): number | undefined {
    const slotted = this.#vms.get(vmId);
    if (slotted === undefined) return undefined;
    const found = lookUp(slotted.vm, reference.name, placesOf(reference, this.#guestMetrics));
    return found.kind === "value" ? found.value : undefined;
  }

  guestText(vmId: number, name: string): string | undefined {
    return this.#vms.get(vmId)?.vm.attribute("USER_TEMPLATE", name);
  }

  #readOverTime(
    reference: Reference,
    over: NonNullable<Reference["over"]>,
    metric: Metric,
    nowMs: number,
  ): Reading {
    const history = this.#history;
    if (history === undefined) return this.#readingOf(reference.key, metric, { count: 0, value: undefined });
    const since = nowMs - over.seconds * 1000;
    const series: ReturnType<SampleHistory>[] = [];
    for (const { vm } of this.#vms.values()) {
      if (!vm.counts) continue;
      // A clock that was set back leaves samples of times to come: they are not of this stretch.
      const samples = history(vm.id, plainKey(reference), since).filter(({ at }) => at <= nowMs);
      if (samples.length > 0) series.push(samples);
    }
    const value = overTime(over.function, series);
    const rounded = value !== undefined && Number.isFinite(value) ? roundToHundredths(value) : undefined;
    return this.#readingOf(reference.key, metric, { count: series.length, value: rounded });
  }

  #metricOf(reference: Reference): Metric {
    const key = plainKey(reference);
    const known = this.#metrics.get(key);
    if (known !== undefined) return known;
    const places = placesOf(reference, this.#guestMetrics);
    const metric: Metric = {
      name: reference.name,
      places,
      column: new Column(),
      ignored: new Map(),
      reading: undefined,
    };
    for (const slotted of this.#vms.values()) fill(metric, slotted);
    this.#metrics.set(key, metric);
    return metric;
  }

  #readingOf(key: string, { ignored }: Metric, { count, value }: ReturnType<Column["mean"]>): Reading {
    const shown = ignored.size === 0 ? NONE : [...ignored.values()].slice(0, MAX_IGNORED_SHOWN);
    return { key, value, vms: count, of: this.#counting, ignored: shown, ignoredCount: ignored.size };
  }
}

const NONE: readonly IgnoredValue[] = [];

/** The metric without the function over time. */
export function plainKey({ place, name }: Reference): string {
  return place === undefined ? name : `${place}.${name}`;
}

function fill(metric: Metric, { vm, slot }: Slotted): void {
  const found = vm.counts ? lookUp(vm, metric.name, metric.places) : undefined;
  const isChanged = metric.column.set(slot, found?.kind === "value" ? found.value : undefined);
  const wasIgnored = metric.ignored.size > 0 && metric.ignored.delete(vm.id);
  if (found?.kind === "ignored") metric.ignored.set(vm.id, found.ignored);
  if (isChanged || wasIgnored || found?.kind === "ignored") metric.reading = undefined;
}
