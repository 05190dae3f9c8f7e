/** What a store has done since it was opened, in plain numbers, for metrics. */

import { type Clock, systemClock } from "../../shared/clock.ts";
import { DurationCounts } from "../../shared/duration-counts.ts";

/** A commit, as far as it is counted. */
interface Counted {
  readonly changes: readonly unknown[];
  readonly at: number;
}

export class StoreStats {
  readonly #clock: Clock;
  /** From a commit's call until it was durable. */
  readonly commits = new DurationCounts();
  /** Transactions at the disk, each with all the commits it served. */
  readonly flushes = new DurationCounts();
  #changes = 0;
  #undone = 0;
  #waiting = 0;

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
  }

  /** Objects written or deleted by durable commits. */
  get changes(): number {
    return this.#changes;
  }

  /** Commits that were undone. */
  get undoneCommits(): number {
    return this.#undone;
  }

  /** Commits that are not durable yet. */
  get waiting(): number {
    return this.#waiting;
  }

  /** The moment to hand back with `committed`. */
  began(): number {
    this.#waiting += 1;
    return this.#clock.elapsed();
  }

  committed(batch: readonly Counted[]): void {
    const now = this.#clock.elapsed();
    this.#waiting -= batch.length;
    for (const { changes, at } of batch) {
      this.#changes += changes.length;
      this.commits.add((now - at) / 1_000);
    }
  }

  undone(commits: number): void {
    this.#waiting -= commits;
    this.#undone += commits;
  }
}
