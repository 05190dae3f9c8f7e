/** What a metric of a VM was over time, and what a function over time makes of it. */

import type { TimeFunction } from "./syntax.ts";

/** `at` in ms since the epoch. */
export interface Sample {
  readonly at: number;
  readonly value: number;
}

/**
 * Samples of a VM since a moment, in order of time. `key` is the metric as an expression names it, without the
 * function: `CPU`, `MONITORING.CPU`.
 */
export type SampleHistory = (vmId: number, key: string, sinceMs: number) => readonly Sample[];

/**
 * Over a stretch of time, of all VMs of a role (each entry the samples of one VM that has some):
 * avg, last and rate are means over the VMs, so that each counts once however often it reports; max, min and p95 go
 * over all samples together; sum is the total of the VMs' latest. Undefined where there is nothing to go by.
 */
export function overTime(of: TimeFunction, series: readonly (readonly Sample[])[]): number | undefined {
  const present = series.filter((samples) => samples.length > 0);
  if (present.length === 0) return undefined;
  switch (of) {
    case "avg":
      return mean(present.map((samples) => mean(samples.map(({ value }) => value)) ?? 0));
    case "last":
      return mean(present.map(latest));
    case "sum":
      return present.reduce((total, samples) => total + latest(samples), 0);
    case "rate":
      return mean(present.map(rateOf).filter((rate) => rate !== undefined));
    case "max":
    case "min":
    case "p95":
      return ranked(present.flat(), of === "max" ? 1 : of === "min" ? 0 : 0.95);
  }
}

function mean(values: readonly number[]): number | undefined {
  if (values.length === 0) return undefined;
  return values.reduce((total, value) => total + value, 0) / values.length;
}

function latest(samples: readonly Sample[]): number {
  return samples.at(-1)?.value ?? 0;
}

/** Growth a second of a counter. One that falls began anew from 0 (the VM was booted). Two samples at least. */
function rateOf(samples: readonly Sample[]): number | undefined {
  const [first] = samples;
  const last = samples.at(-1);
  if (first === undefined || last === undefined || last.at <= first.at) return undefined;
  let growth = 0;
  let before = first.value;
  for (const { value } of samples) {
    growth += value >= before ? value - before : value;
    before = value;
  }
  return growth / ((last.at - first.at) / 1000);
}

/** By nearest rank: the smallest sample that at least this share of them does not exceed. */
function ranked(samples: readonly Sample[], share: number): number | undefined {
  const values = samples.map(({ value }) => value).sort((a, b) => a - b);
  return values[Math.max(0, Math.ceil(share * values.length) - 1)];
}

/** Of one metric of one VM: a reading each 10 s for three hours; older ones go first. */
export const MAX_SAMPLES = 1_080;

/** Keeps the latest samples in memory, for whoever hears each report anyway. */
export interface RecentSamples {
  note(vmId: number, key: string, sample: Sample): void;
  forget(vmId: number): void;
  readonly history: SampleHistory;
}

/** @param keptMs how far back the longest window of any expression reaches. */
export function createRecentSamples(keptMs: number): RecentSamples {
  const vms = new Map<number, Map<string, Sample[]>>();
  return {
    note(vmId, key, sample) {
      if (!Number.isFinite(sample.value)) return;
      const metrics = vms.get(vmId) ?? new Map<string, Sample[]>();
      vms.set(vmId, metrics);
      const samples = metrics.get(key) ?? [];
      metrics.set(key, samples);
      const last = samples.at(-1);
      // A clock set back, or a report that comes late: what is told now is what counts from its time on.
      if (last !== undefined && last.at >= sample.at) removeFrom(samples, sample.at);
      samples.push(sample);
      const firstKept = samples.findIndex(({ at }) => at > sample.at - keptMs);
      const surplus = Math.max(firstKept, samples.length - MAX_SAMPLES);
      if (surplus > 0) samples.splice(0, surplus);
    },
    forget: (vmId) => void vms.delete(vmId),
    history(vmId, key, sinceMs) {
      const samples = vms.get(vmId)?.get(key) ?? [];
      const first = samples.findIndex(({ at }) => at > sinceMs);
      return first < 0 ? [] : samples.slice(first);
    },
  };
}

function removeFrom(samples: Sample[], at: number): void {
  while ((samples.at(-1)?.at ?? Number.NEGATIVE_INFINITY) >= at) samples.pop();
}
