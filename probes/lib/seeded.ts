/** Numbers that look random, and are the same again for the same seed: simulated figures can be reproduced. */

/** Whole numbers from 0 up to `below`, in the order of the seed. */
export type Draw = (below: number) => number;

/** Mulberry32 over the FNV-1a hash of the seed's parts; for looks, never for secrets. */
export function seeded(...parts: readonly (string | number)[]): Draw {
  let state = hash(parts.join("/"));
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

function hash(text: string): number {
  let value = 0x811c9dc5;
  for (const byte of Buffer.from(text)) value = Math.imul(value ^ byte, 0x01000193);
  return value;
}
