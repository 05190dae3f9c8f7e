/**
 * What all wires of a house together keep between guests and OneGate. A guest that does not read its answers has a few MB kept
 * at most; many of them would have the house's memory. So there is a bound for all: beyond it the connection is reset that has most
 * of the wire that has most, and who reads loses nothing.
 */

/** 250 connections that are full both ways. */
export const MAX_HELD_BYTES = 32 * 1024 * 1024;

export interface Holder {
  reset(): void;
}

/** One wire's. */
export interface Hold {
  /** What this connection keeps from now on; 0: nothing any more. It, or another one, may be reset for it. */
  keep(holder: Holder, bytes: number): void;
}

interface WireHold extends Hold {
  bytes: number;
  readonly holders: Map<Holder, number>;
}

export class HeldBytes {
  readonly #maxBytes: number;
  /** Those that keep anything. */
  readonly #wires = new Set<WireHold>();
  #bytes = 0;

  constructor(maxBytes: number = MAX_HELD_BYTES) {
    this.#maxBytes = maxBytes;
  }

  /** At this moment. */
  get bytes(): number {
    return this.#bytes;
  }

  join(): Hold {
    const wire: WireHold = {
      bytes: 0,
      holders: new Map(),
      keep: (holder, bytes) => {
        this.#keep(wire, holder, bytes);
        while (this.#bytes > this.#maxBytes) this.#dropLargest();
      },
    };
    return wire;
  }

  #keep(wire: WireHold, holder: Holder, bytes: number): void {
    const change = bytes - (wire.holders.get(holder) ?? 0);
    if (bytes > 0) wire.holders.set(holder, bytes);
    else wire.holders.delete(holder);
    wire.bytes += change;
    this.#bytes += change;
    if (wire.bytes > 0) this.#wires.add(wire);
    else this.#wires.delete(wire);
  }

  #dropLargest(): void {
    const wire = largest(this.#wires, ({ bytes }) => bytes);
    const [holder] = largest(wire?.holders ?? [], ([, bytes]) => bytes) ?? [];
    if (wire === undefined || holder === undefined) return;
    this.#keep(wire, holder, 0);
    holder.reset();
  }
}

function largest<T>(items: Iterable<T>, sizeOf: (item: T) => number): T | undefined {
  let found: T | undefined;
  for (const item of items) if (found === undefined || sizeOf(item) > sizeOf(found)) found = item;
  return found;
}
