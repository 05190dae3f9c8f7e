/** Work that is done again and again, each on its own period: none waits for another, and none overlaps itself. */

import type { Clock } from "../../shared/clock.ts";

/** How far a wait may differ from the period, so that thousands of agents do not speak in step. */
const JITTER = 0.05;

/** The first round of each comes within this time of the start. */
const FIRST_WITHIN_MS = 500;

export interface ScheduleOptions {
  readonly clock: Clock;
  /** From 0 up to 1. */
  readonly random: () => number;
  readonly periodMs: number;
  /** Never rejects. */
  readonly work: () => Promise<void>;
}

export class Schedule {
  readonly #options: ScheduleOptions;
  #cancel: () => void = () => undefined;
  #running: Promise<void> | undefined;
  #again = false;
  #stopped = false;

  constructor(options: ScheduleOptions) {
    this.#options = options;
  }

  start(): void {
    this.#wait(this.#options.random() * FIRST_WITHIN_MS);
  }

  /** A round at once, or right after the one under way. */
  force(): void {
    if (this.#running !== undefined) this.#again = true;
    else if (!this.#stopped) {
      this.#cancel();
      this.#round();
    }
  }

  /** No further round; resolves when the one under way has ended. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancel();
    await this.#running;
  }

  #wait(delayMs: number): void {
    this.#cancel = this.#options.clock.after(delayMs, () => this.#round());
  }

  #round(): void {
    const { clock, periodMs, random, work } = this.#options;
    const startedMs = clock.elapsed();
    const wantedMs = periodMs * (1 + JITTER * (2 * random() - 1));
    this.#running = work().finally(() => {
      this.#running = undefined;
      if (this.#stopped) return;
      const again = this.#again;
      this.#again = false;
      this.#wait(again ? 0 : Math.max(0, wantedMs - (clock.elapsed() - startedMs)));
    });
  }
}
