/** A store of a house that is about to crash: from some moment on, no write of it ever comes back. */

import type { Store } from "../../gateway/store/store.ts";

export interface DyingStore {
  readonly store: Store;
  /** Lets so many more writes through; 0 is the crash. What is stored by then is read through `inner`. */
  dieAfter(writes: number): void;
}

export function dyingStore(inner: Store): DyingStore {
  let left = Number.POSITIVE_INFINITY;
  return {
    store: {
      ...inner,
      commit(changes) {
        left -= 1;
        return left >= 0 ? inner.commit(changes) : new Promise(() => {});
      },
    },
    dieAfter(writes) {
      left = writes;
    },
  };
}
