/**
 * Row numbers that put rows where they are looked for: by slot of time, then host, then time. What expires then stands
 * together, what is asked for too, and the table is its own index: a row of 1 KB in a tree without rowids, or beside an
 * index of its own, takes half as much again.
 */

/** Object ids up to this have a place in a key. */
export const MAX_HOST_ID = 2 ** 24 - 1;

/** Reports of one host in one second; the last place is shared by those that are more. */
export const MAX_SEQUENCE = 127;

/** Hours until the year 2089. */
const MAX_SLOT = 2 ** 20 - 1;
const HOST_BITS = 24n;
const OFFSET_BITS = 19n;

/** How the seconds of a slot become a row's offset in it. */
export interface KeyLayout {
  /** Seconds of a slot. */
  readonly slotS: number;
  /** Seconds that share an offset. */
  readonly stepS: number;
  /** Rows of one offset. */
  readonly rows: number;
}

/** An hour of one host's raw rows stands together. */
export const RAW_KEYS: KeyLayout = { slotS: 3_600, stepS: 1, rows: MAX_SEQUENCE + 1 };

/** A day of one host's windows. */
export const WINDOW_KEYS: KeyLayout = { slotS: 86_400, stepS: 300, rows: 1 };

export interface KeyRange {
  readonly first: bigint;
  readonly last: bigint;
}

/** The key of a host's row at a time, in whole seconds since the epoch. */
export function keyOf(layout: KeyLayout, hostId: number, at: number, sequence = 0): bigint {
  const slot = Math.floor(at / layout.slotS);
  const offset = Math.floor((at % layout.slotS) / layout.stepS) * layout.rows + sequence;
  return (((BigInt(slot) << HOST_BITS) | BigInt(hostId)) << OFFSET_BITS) | BigInt(offset);
}

/** When the row of a key was measured, or its window begins. */
export function timeOf(layout: KeyLayout, key: bigint): number {
  const slot = Number(key >> (HOST_BITS + OFFSET_BITS));
  const offset = Number(key & ((1n << OFFSET_BITS) - 1n));
  return slot * layout.slotS + Math.floor(offset / layout.rows) * layout.stepS;
}

/** A host's rows from one time to another, both inclusive: a range for each slot, in order. */
export function rangesOf(layout: KeyLayout, hostId: number, from: number, to: number): readonly KeyRange[] {
  const ranges: KeyRange[] = [];
  for (let start = from; start <= to; ) {
    const next = (Math.floor(start / layout.slotS) + 1) * layout.slotS;
    const end = Math.min(to, next - 1);
    ranges.push({
      first: keyOf(layout, hostId, start),
      last: keyOf(layout, hostId, end, layout.rows - 1),
    });
    start = next;
  }
  return ranges;
}

/** All rows of slots that end before a time have keys below this. */
export function keyBefore(layout: KeyLayout, time: number): bigint {
  const slot = Math.min(Math.max(0, Math.floor(time / layout.slotS)), MAX_SLOT);
  return BigInt(slot) << (HOST_BITS + OFFSET_BITS);
}
