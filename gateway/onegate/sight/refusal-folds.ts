/** Folds floods: of refusals that are alike, the first is told at once and the rest as one with their number. */

import type { Clock } from "../../../shared/clock.ts";
import type { RequestSeen } from "./observer.ts";
import { NO_ROUTE } from "./request-counts.ts";

/** Refusals that are alike are gathered for so long. */
export const FOLD_MS = 10_000;

/** So many kinds are gathered apart at a time; what comes beyond is one kind for each status. */
export const MAX_FOLDS = 4_096;

export interface Folded {
  /** The last of them, and its time in ms since the epoch. */
  readonly last: RequestSeen;
  readonly at: number;
  readonly repeated: number;
}

interface Fold {
  /** `Clock.elapsed` at which it is told. */
  readonly dueAt: number;
  last: RequestSeen;
  at: number;
  repeated: number;
}

export class RefusalFolds {
  readonly #clock: Clock;
  readonly #tell: (folded: Folded) => void;
  /** In the order in which they are due. */
  readonly #folds = new Map<string, Fold>();
  #cancel: (() => void) | undefined;

  constructor(clock: Clock, tell: (folded: Folded) => void) {
    this.#clock = clock;
    this.#tell = tell;
  }

  /** False for the first of its kind, which the caller tells; the others are gathered. */
  takes(request: RequestSeen, at: number): boolean {
    const key = this.#keyOf(request);
    const fold = this.#folds.get(key);
    if (fold !== undefined) {
      fold.last = request;
      fold.at = at;
      fold.repeated += 1;
      return true;
    }
    this.#folds.set(key, { dueAt: this.#clock.elapsed() + FOLD_MS, last: request, at, repeated: 0 });
    this.#cancel ??= this.#clock.after(FOLD_MS, this.#tellDue);
    return false;
  }

  /** Tells all that is gathered. */
  close(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    for (const fold of this.#folds.values()) this.#end(fold);
    this.#folds.clear();
  }

  #keyOf({ vmId, address, method, route = NO_ROUTE, status }: RequestSeen): string {
    const who = vmId === undefined ? address : `vm ${vmId}`;
    const key = `${who} ${route === NO_ROUTE ? "" : method} ${route} ${status}`;
    return this.#folds.size < MAX_FOLDS || this.#folds.has(key) ? key : `others ${status}`;
  }

  readonly #tellDue = (): void => {
    this.#cancel = undefined;
    const now = this.#clock.elapsed();
    for (const [key, fold] of this.#folds) {
      if (fold.dueAt > now) {
        this.#cancel = this.#clock.after(fold.dueAt - now, this.#tellDue);
        return;
      }
      this.#folds.delete(key);
      this.#end(fold);
    }
  };

  #end({ last, at, repeated }: Fold): void {
    if (repeated > 0) this.#tell({ last, at, repeated });
  }
}
