/** Pseudo-random numbers from a seed (the mulberry32 generator), so that a run can be repeated. */

export interface Random {
  /** From 0 up to, and without, `bound`. */
  integer(bound: number): number;
  /** One of a list that is not empty. */
  pick<T>(list: readonly T[]): T;
}

export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  function integer(bound: number): number {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % bound;
  }
  return {
    integer,
    pick<T>(list: readonly T[]): T {
      const item = list[integer(list.length)];
      if (item === undefined) throw new RangeError("cannot pick from an empty list");
      return item;
    },
  };
}
