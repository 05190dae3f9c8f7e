/**
 * How fast an interface may send, or be sent to: OpenNebula's average, peak and burst of a NIC, as buckets that fill with time.
 * Who has emptied one waits; nothing is lost here.
 */

import type { Clock } from "../../../../shared/clock.ts";

export interface Rate {
  readonly averageBytesPerS: number;
  /** While a burst lasts; undefined: as fast as it can. */
  readonly peakBytesPerS: number | undefined;
  /** What may go at that speed. */
  readonly burstBytes: number;
}

/** Of an interface, as its guest sees them; undefined: as fast as it can. */
export interface Rates {
  readonly inbound: Rate | undefined;
  readonly outbound: Rate | undefined;
}

/** Between what comes at peak speed: less could not be timed. */
const PEAK_TURN_S = 0.01;

export class Pace {
  readonly #clock: Clock;
  readonly #buckets: readonly Bucket[];
  #cancel: (() => void) | undefined;

  /** Without a rate nobody waits. */
  constructor(clock: Clock, rate: Rate | undefined) {
    this.#clock = clock;
    const now = clock.elapsed();
    this.#buckets = rate === undefined ? [] : bucketsOf(rate).map((bucket) => ({ ...bucket, atMs: now }));
  }

  /** Notes so many bytes; calls `next` later and returns true when it takes time until more may go. */
  holds(bytes: number, next: () => void): boolean {
    const waitMs = Math.max(0, ...this.#buckets.map((bucket) => spend(bucket, bytes, this.#clock.elapsed())));
    if (waitMs === 0) return false;
    this.#cancel = this.#clock.after(Math.ceil(waitMs), () => {
      this.#cancel = undefined;
      next();
    });
    return true;
  }

  get isHolding(): boolean {
    return this.#cancel !== undefined;
  }

  /** Whoever waits is not called any more. */
  close(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }
}

interface Bucket {
  readonly bytesPerS: number;
  readonly mostBytes: number;
  leftBytes: number;
  atMs: number;
}

function bucketsOf({ averageBytesPerS, peakBytesPerS, burstBytes }: Rate): readonly Omit<Bucket, "atMs">[] {
  const bucket = (bytesPerS: number, mostBytes: number) => ({ bytesPerS, mostBytes, leftBytes: mostBytes });
  const average = bucket(averageBytesPerS, burstBytes);
  if (peakBytesPerS === undefined) return [average];
  return [average, bucket(peakBytesPerS, peakBytesPerS * PEAK_TURN_S)];
}

/** How long it takes until there is something left. */
function spend(bucket: Bucket, bytes: number, nowMs: number): number {
  const filled = bucket.leftBytes + ((nowMs - bucket.atMs) / 1000) * bucket.bytesPerS;
  bucket.leftBytes = Math.min(bucket.mostBytes, filled) - bytes;
  bucket.atMs = nowMs;
  return bucket.leftBytes >= 0 ? 0 : (-bucket.leftBytes / bucket.bytesPerS) * 1000;
}
