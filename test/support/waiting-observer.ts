/** An observer that knows how many requests wait for a change, and tells when so many do. */

import type { GateObserver, RequestSeen } from "../../gateway/onegate/sight/observer.ts";

export interface WaitingObserver extends GateObserver {
  readonly requests: readonly RequestSeen[];
  waitingNow(): number;
  /** Resolves when exactly so many wait. */
  reaches(count: number): Promise<void>;
}

export function waitingObserver(): WaitingObserver {
  const requests: RequestSeen[] = [];
  let waiting = 0;
  let listeners: readonly { readonly count: number; readonly resolve: () => void }[] = [];
  return {
    requests,
    seen: (request) => void requests.push(request),
    waiting(change) {
      waiting += change;
      for (const { count, resolve } of listeners) if (count === waiting) resolve();
      listeners = listeners.filter(({ count }) => count !== waiting);
    },
    waitingNow: () => waiting,
    reaches(count) {
      if (count === waiting) return Promise.resolve();
      return new Promise((resolve) => {
        listeners = [...listeners, { count, resolve }];
      });
    },
  };
}
