/** Which frames of one sender were seen: the newest boot, its highest number, and the 1,024 numbers up to it. */

export const REPLAY_WINDOW_FRAMES = 1024;

const BITS = 32;

/** What a window remembers over a restart of the daemon. */
export interface ReplayMemory {
  readonly bootId: number;
  /** Everything up to it counts as seen after a restart. */
  readonly highest: number;
}

export type ReplayVerdict = "new" | "new_boot" | "replayed" | "old_boot";

/**
 * Numbers within a boot rise from 1, and may come out of order by up to 1,023. Ask `verdict` before the costly
 * work of opening a frame, and `accept` only when it proved authentic: a forged boot id must not close the window.
 */
export class ReplayWindow {
  #bootId: number;
  #highest: number;
  /** Bit `n % 1024`: number n was seen, for the 1,024 numbers up to the highest. */
  readonly #seen = new Uint32Array(REPLAY_WINDOW_FRAMES / BITS);

  /** @param memory of an earlier window; without it, any boot is new. */
  constructor(memory: ReplayMemory = { bootId: -1, highest: 0 }) {
    this.#bootId = memory.bootId;
    this.#highest = memory.highest;
    // What was seen below the highest is not remembered, so all of it is taken for seen.
    this.#seen.fill(0xffff_ffff);
  }

  get memory(): ReplayMemory {
    return { bootId: this.#bootId, highest: this.#highest };
  }

  verdict(bootId: number, sequence: number): ReplayVerdict {
    if (bootId < this.#bootId) return "old_boot";
    if (bootId > this.#bootId) return "new_boot";
    if (sequence > this.#highest) return "new";
    if (sequence <= this.#highest - REPLAY_WINDOW_FRAMES) return "replayed";
    return this.#isSeen(sequence) ? "replayed" : "new";
  }

  /** Marks an authentic frame as seen. The verdict is the one from before; only `new` and `new_boot` change anything. */
  accept(bootId: number, sequence: number): ReplayVerdict {
    const verdict = this.verdict(bootId, sequence);
    if (verdict === "new_boot") {
      this.#bootId = bootId;
      this.#highest = sequence;
      this.#seen.fill(0);
      this.#mark(sequence);
    } else if (verdict === "new") {
      this.#advanceTo(sequence);
      this.#mark(sequence);
    }
    return verdict;
  }

  /** Forgets the numbers that leave the window, at most all of it. */
  #advanceTo(sequence: number): void {
    if (sequence <= this.#highest) return;
    const passed = sequence - this.#highest;
    if (passed >= REPLAY_WINDOW_FRAMES) this.#seen.fill(0);
    else for (let number = this.#highest + 1; number < sequence; number += 1) this.#clear(number);
    this.#highest = sequence;
  }

  #isSeen(sequence: number): boolean {
    const bit = sequence % REPLAY_WINDOW_FRAMES;
    return (((this.#seen[Math.floor(bit / BITS)] ?? 0) >>> (bit % BITS)) & 1) === 1;
  }

  #mark(sequence: number): void {
    const bit = sequence % REPLAY_WINDOW_FRAMES;
    const word = Math.floor(bit / BITS);
    this.#seen[word] = (this.#seen[word] ?? 0) | (1 << (bit % BITS));
  }

  #clear(sequence: number): void {
    const bit = sequence % REPLAY_WINDOW_FRAMES;
    const word = Math.floor(bit / BITS);
    this.#seen[word] = (this.#seen[word] ?? 0) & ~(1 << (bit % BITS));
  }
}
