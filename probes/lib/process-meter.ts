/**
 * What a guest has used over all its processes, and over those that have ended.
 *
 * A process that ends hands its counts to the parent that waits for it, so the sum over the living stays whole. One that
 * ends as the child of somebody outside (an orphan, whom the machine's init waits for) takes its counts along; it is
 * left out of the earlier sum too, and only what it used since the last round is lost.
 */

import type { ProcessRow } from "./process-usage.ts";

export interface Counts {
  readonly ticks: number;
  readonly readBytes: number;
  readonly writtenBytes: number;
  readonly reads: number;
  readonly writes: number;
}

export interface Counted extends Counts {
  readonly row: ProcessRow;
}

export const NOTHING: Counts = { ticks: 0, readBytes: 0, writtenBytes: 0, reads: 0, writes: 0 };

export class Meter {
  #before: readonly Counted[] = [];
  #total: Counts = NOTHING;

  /** Since the guest was first seen, what it had used by then included. */
  get total(): Counts {
    return this.#total;
  }

  /** Takes a round's processes, and tells what was used since the last one. */
  take(now: readonly Counted[]): Counts {
    const alive = new Set(now.map(({ row }) => keyOf(row)));
    const insiders = new Set([...now, ...this.#before].map(({ row }) => row.pid));
    const handedOver = this.#before.filter(({ row }) => alive.has(keyOf(row)) || insiders.has(row.parentPid));
    const used = combine(sum(now), sum(handedOver), (after, before) => Math.max(0, after - before));
    this.#total = combine(this.#total, used, (total, more) => total + more);
    this.#before = now;
    return used;
  }
}

function keyOf({ pid, startTicks }: ProcessRow): string {
  return `${pid}:${startTicks}`;
}

function sum(all: readonly Counts[]): Counts {
  return all.reduce((total, one) => combine(total, one, (left, right) => left + right), NOTHING);
}

function combine(left: Counts, right: Counts, join: (left: number, right: number) => number): Counts {
  return {
    ticks: join(left.ticks, right.ticks),
    readBytes: join(left.readBytes, right.readBytes),
    writtenBytes: join(left.writtenBytes, right.writtenBytes),
    reads: join(left.reads, right.reads),
    writes: join(left.writes, right.writes),
  };
}
