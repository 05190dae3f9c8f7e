/** Which VMs ask most just now: two sketches of the stream of requests, the older one dropped as a new one begins. */

import type { Clock } from "../../../shared/clock.ts";
import { SpaceSaving } from "./space-saving.ts";

/** A window's length; what is told covers the last one or two of them. */
const WINDOW_MS = 5_000;

/** Counters of a sketch: a VM with more than 0.5 % of all requests is found. */
const COUNTERS = 200;

export interface NoisyVm {
  readonly vmId: number;
  /** Requests a second, at most so many. */
  readonly rate: number;
}

export class NoisyVms {
  readonly #clock: Clock;
  #now = new SpaceSaving(COUNTERS);
  #before = new SpaceSaving(COUNTERS);
  /** `Clock.elapsed` at the start of the older window. */
  #since: number;
  #nowSince: number;
  #cancel: () => void;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#since = clock.elapsed();
    this.#nowSince = this.#since;
    this.#cancel = clock.after(WINDOW_MS, this.#turn);
  }

  seen(vmId: number): void {
    this.#now.add(vmId);
  }

  /** The noisiest `count` VMs first. */
  noisiest(count: number): readonly NoisyVm[] {
    const seconds = Math.max(0.001, (this.#clock.elapsed() - this.#since) / 1_000);
    const counts = new Map<number, number>();
    for (const sketch of [this.#now, this.#before]) {
      for (const { key, count } of sketch.all()) counts.set(key, (counts.get(key) ?? 0) + count);
    }
    return [...counts]
      .map(([vmId, requests]) => ({ vmId, rate: requests / seconds }))
      .sort((one, other) => other.rate - one.rate || one.vmId - other.vmId)
      .slice(0, count);
  }

  close(): void {
    this.#cancel();
  }

  readonly #turn = (): void => {
    this.#before = this.#now;
    this.#now = new SpaceSaving(COUNTERS);
    this.#since = this.#nowSince;
    this.#nowSince = this.#clock.elapsed();
    this.#cancel = this.#clock.after(WINDOW_MS, this.#turn);
  };
}
