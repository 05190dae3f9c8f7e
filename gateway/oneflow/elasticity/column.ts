/** The values of one metric over the VMs of a role, by slot, with the mean of those that are there. */

import { roundToHundredths } from "./numbers.ts";

/**
 * Sums are kept by block: a value that changes costs its block, whatever the size of the role; and since a block is
 * summed up anew, and never corrected, no error creeps in however long a house runs.
 */
const BLOCK = 64;

export class Column {
  /** NaN where there is none. */
  #values = new Float64Array(0);
  #blocks: { sum: number; count: number; isStale: boolean }[] = [];

  /** @param value undefined: none. Tells whether that changed anything. */
  set(slot: number, value: number | undefined): boolean {
    this.#reach(slot);
    const next = value ?? Number.NaN;
    if (Object.is(this.#values[slot], next)) return false;
    this.#values[slot] = next;
    const block = this.#blocks[Math.floor(slot / BLOCK)];
    if (block !== undefined) block.isStale = true;
    return true;
  }

  /** How many slots have a value, and their mean to two decimals; undefined where there is none, or none that is finite. */
  mean(): { readonly count: number; readonly value: number | undefined } {
    let sum = 0;
    let count = 0;
    for (let index = 0; index < this.#blocks.length; index += 1) {
      const block = this.#blocks[index];
      if (block === undefined) continue;
      if (block.isStale) this.#sumUp(block, index * BLOCK);
      sum += block.sum;
      count += block.count;
    }
    const mean = sum / count;
    return { count, value: Number.isFinite(mean) ? roundToHundredths(mean) : undefined };
  }

  #sumUp(block: { sum: number; count: number; isStale: boolean }, from: number): void {
    let sum = 0;
    let count = 0;
    const end = Math.min(from + BLOCK, this.#values.length);
    for (let slot = from; slot < end; slot += 1) {
      const value = this.#values[slot] ?? Number.NaN;
      if (Number.isNaN(value)) continue;
      sum += value;
      count += 1;
    }
    block.sum = sum;
    block.count = count;
    block.isStale = false;
  }

  #reach(slot: number): void {
    if (slot < this.#values.length) return;
    const grown = new Float64Array(Math.max(8, slot + 1, this.#values.length * 2)).fill(Number.NaN);
    grown.set(this.#values);
    this.#values = grown;
    while (this.#blocks.length * BLOCK < grown.length)
      this.#blocks.push({ sum: 0, count: 0, isStale: false });
  }
}
