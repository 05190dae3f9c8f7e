/**
 * What the house holds in memory for each VM: bodies that are still arriving, and answers that nobody reads. A guest may
 * begin a thousand requests at once; that each is large and slow must not add up to more than the house has.
 */

import { RateLimitedError } from "./limits.ts";

/** Smaller ones are as many as connections and rates allow. */
const COUNTED_FROM_BYTES = 16 * 1_024;

export const MAX_HELD_BYTES_PER_VM = 32 * 1_024 * 1_024;

export class HeldBytes {
  readonly #perVm = new Map<number, number>();

  /**
   * Counts so many bytes for the VM until `onDone` calls back. One that is larger than the bound may be held alone.
   * @throws RateLimitedError when the VM has too many of them held already
   */
  hold(vmId: number, bytes: number, onDone: (listener: () => void) => void): void {
    if (bytes < COUNTED_FROM_BYTES) return;
    const held = this.#perVm.get(vmId) ?? 0;
    if (held > 0 && held + bytes > MAX_HELD_BYTES_PER_VM) {
      throw new RateLimitedError(
        `VM ${vmId} has ${held} bytes of bodies and answers under way, and no VM may have more than ${MAX_HELD_BYTES_PER_VM}; send and read them faster, or ask less at a time.`,
        1,
        undefined,
        "held_bytes",
      );
    }
    this.#perVm.set(vmId, held + bytes);
    let isHeld = true;
    onDone(() => {
      if (isHeld) this.#release(vmId, bytes);
      isHeld = false;
    });
  }

  #release(vmId: number, bytes: number): void {
    const left = (this.#perVm.get(vmId) ?? 0) - bytes;
    if (left > 0) this.#perVm.set(vmId, left);
    else this.#perVm.delete(vmId);
  }
}
