/**
 * Group commit: while one transaction is being written, commits queue up, and then go together in the next, so that
 * one flush serves them all. Every store stands behind one of these, so all of them fail in the same way.
 */

import { type ErrorCode, GatehouseError } from "../../shared/errors.ts";
import type { Change } from "./store.ts";

/** So many commits at most share a transaction: it bounds what one write costs, and how long its first one waits. */
export const MAX_BATCH_COMMITS = 1_000;

/** Why a write was undone, in words for the caller. */
export interface WriteFailure {
  readonly code: ErrorCode;
  readonly message: string;
  /** Which of the changes does not follow what is stored; absent when the write as a whole failed. */
  readonly row?: number;
}

/** Makes all changes durable, or none and says why; never rejects. Called again only after it has answered. */
export type WriteBatch = (changes: readonly Change[]) => Promise<WriteFailure | undefined>;

interface QueuedCommit {
  readonly changes: readonly Change[];
  readonly resolve: () => void;
  readonly reject: (error: GatehouseError) => void;
}

const CLOSED: WriteFailure = { code: "unavailable", message: "The store is closed." };

export class CommitQueue {
  readonly #write: WriteBatch;
  readonly #rollbackListeners: (() => void)[] = [];
  readonly #queue: QueuedCommit[] = [];
  /** The run through the queue; undefined while there is nothing to do. */
  #draining: Promise<void> | undefined;
  #closed = false;

  constructor(write: WriteBatch) {
    this.#write = write;
  }

  /** As Store.commit. */
  commit(changes: readonly Change[]): Promise<void> {
    return new Promise((resolve, reject) => {
      const commit = { changes, resolve, reject };
      if (this.#closed) return this.#rollBack([commit], CLOSED);
      this.#queue.push(commit);
      this.#draining ??= this.#drain();
    });
  }

  /** As Store.onRollback. Listeners must not throw. */
  onRollback(listener: () => void): void {
    this.#rollbackListeners.push(listener);
  }

  /** Refuses new commits, and waits for those under way. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#draining;
  }

  async #drain(): Promise<void> {
    do {
      // Everything committed in this turn goes together; and what awaits a promise of the batch before goes on first,
      // so a rollback never comes between a commit's becoming durable and its being shown.
      await Promise.resolve();
      const batch = this.#queue.splice(0, MAX_BATCH_COMMITS);
      const failure = await this.#write(batch.flatMap((commit) => commit.changes));
      if (failure === undefined) for (const commit of batch) commit.resolve();
      else this.#rollBack([...batch, ...this.#queue.splice(0)], failure);
    } while (this.#queue.length > 0);
    this.#draining = undefined;
  }

  /** All listeners first, then the promises, in one turn: nobody goes on with what is no longer there. */
  #rollBack(undone: readonly QueuedCommit[], failure: WriteFailure): void {
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
