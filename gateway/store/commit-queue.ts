/**
 * Group commit: what is committed in one turn of the event loop goes to the writer together, without waiting for
 * what went before; the writer joins whatever has come in while it was at the disk, so one flush serves them all.
 */

import { type ErrorCode, GatehouseError } from "../../shared/errors.ts";
import { StoreStats } from "./stats.ts";
import type { Change } from "./store.ts";

/** So many commits at most go together: it bounds what one write costs, and how long its first one waits. */
export const MAX_BATCH_COMMITS = 1_000;
/**
 * So many writes may be under way. With one, the writer idles while the event loop works and the other way round: that
 * cost a third of the durable writes per second.
 */
export const MAX_WRITES_IN_FLIGHT = 4;

/** Why a write was undone, in words for the caller. */
export interface WriteFailure {
  readonly code: ErrorCode;
  readonly message: string;
  /** Which of the changes does not follow what is stored; absent when the write as a whole failed. */
  readonly row?: number;
}

/**
 * Makes all changes durable, or none and says why; never rejects. It is called again before it has answered, and answers
 * in order. Once a write has failed it must refuse every other of the same generation: they build on what is undone.
 */
export type WriteBatch = (
  changes: readonly Change[],
  generation: number,
) => Promise<WriteFailure | undefined>;

/** What a writer answers to a write of a generation that has failed already. */
export const OUTDATED: WriteFailure = {
  code: "unavailable",
  message: "The write was undone with one before it.",
};

interface QueuedCommit {
  readonly changes: readonly Change[];
  /** `StoreStats.now` when it came. */
  readonly at: number;
  readonly resolve: () => void;
  readonly reject: (error: GatehouseError) => void;
}

const CLOSED: WriteFailure = { code: "unavailable", message: "The store is closed." };

export class CommitQueue {
  readonly #write: WriteBatch;
  readonly #stats: StoreStats;
  readonly #rollbackListeners: (() => void)[] = [];
  /** Not yet with the writer. */
  readonly #gathered: QueuedCommit[] = [];
  /** With the writer, in order. */
  readonly #inFlight: (readonly QueuedCommit[])[] = [];
  /** Rises with each rollback. */
  #generation = 0;
  #flushIsDue = false;
  #closed = false;
  #whenIdle: (() => void) | undefined;

  constructor(write: WriteBatch, stats = new StoreStats()) {
    this.#write = write;
    this.#stats = stats;
  }

  /** As Store.commit. */
  commit(changes: readonly Change[]): Promise<void> {
    return new Promise((resolve, reject) => {
      const commit = { changes, at: this.#stats.began(), resolve, reject };
      if (this.#closed) return this.#rollBack([commit], CLOSED);
      this.#gathered.push(commit);
      this.#flushSoon();
    });
  }

  /** As Store.onRollback. Listeners must not throw. */
  onRollback(listener: () => void): void {
    this.#rollbackListeners.push(listener);
  }

  /** Refuses new commits, and waits for those under way. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#isIdle()) return;
    await new Promise<void>((resolve) => {
      this.#whenIdle = resolve;
    });
  }

  #isIdle(): boolean {
    return this.#gathered.length === 0 && this.#inFlight.length === 0;
  }

  /** At the end of the turn, so that everything committed in it goes together. */
  #flushSoon(): void {
    if (this.#flushIsDue) return;
    this.#flushIsDue = true;
    setImmediate(() => {
      this.#flushIsDue = false;
      this.#flush();
    });
  }

  #flush(): void {
    while (this.#gathered.length > 0 && this.#inFlight.length < MAX_WRITES_IN_FLIGHT) {
      const batch = this.#gathered.splice(0, MAX_BATCH_COMMITS);
      this.#inFlight.push(batch);
      const changes = batch.flatMap((commit) => commit.changes);
      void this.#write(changes, this.#generation).then((failure) => this.#answered(batch, failure));
    }
  }

  #answered(batch: readonly QueuedCommit[], failure: WriteFailure | undefined): void {
    // Rolled back meanwhile: its callers know, and the answer is that of an outdated generation.
    if (this.#inFlight[0] !== batch) return;
    if (failure === undefined) {
      this.#inFlight.shift();
      this.#stats.committed(batch);
      for (const commit of batch) commit.resolve();
      if (this.#gathered.length > 0) this.#flushSoon();
    } else {
      this.#generation++;
      this.#rollBack([...this.#inFlight.splice(0).flat(), ...this.#gathered.splice(0)], failure);
    }
    if (this.#isIdle()) this.#whenIdle?.();
  }

  /** All listeners first, then the promises, in one turn: nobody goes on with what is no longer there. */
  #rollBack(undone: readonly QueuedCommit[], failure: WriteFailure): void {
    this.#stats.undone(undone.length);
    for (const listener of this.#rollbackListeners) listener();
    const culprit = failure.row === undefined ? undefined : commitOfRow(undone, failure.row);
    const bystander = new GatehouseError(
      "unavailable",
      `The write was undone together with another one that failed: ${failure.message}`,
    );
    for (const commit of undone) {
      const concerned = culprit === undefined || culprit === commit;
      commit.reject(concerned ? new GatehouseError(failure.code, failure.message) : bystander);
    }
  }
}

function commitOfRow(batch: readonly QueuedCommit[], row: number): QueuedCommit | undefined {
  let end = 0;
  return batch.find(({ changes }) => {
    end += changes.length;
    return row < end;
  });
}

/** What a change that does not follow the stored version is told. */
export function versionMismatch(
  kind: string,
  key: string,
  version: number,
  row: number,
): Required<WriteFailure> {
  const message = `Version ${version} of ${kind} ${key} does not follow the version that is stored.`;
  return { code: "conflict", message, row };
}
