/**
 * The store as a port: objects of a kind under a key, each with a version, written in atomic, durable commits.
 * Asynchronous and free of any database's ways, so that SQLite today and PostgreSQL later both fit behind it.
 */

/** One object as it lies in the store; `body` is its JSON text. */
export interface StoredObject {
  readonly kind: string;
  readonly key: string;
  readonly version: number;
  readonly body: string;
}

/** A write of an object (`body` null deletes it). `version` must be one above what is stored, 1 for a new one. */
export interface Change {
  readonly kind: string;
  readonly key: string;
  readonly version: number;
  readonly body: string | null;
}

export interface Store {
  /** Everything whose kind begins with `kindPrefix` (all: none), in pieces of bounded size, ordered by kind and key. */
  load(kindPrefix?: string): AsyncIterable<readonly StoredObject[]>;

  /**
   * Makes the changes durable, all or none: when it resolves they survive `kill -9` and loss of power.
   * Commits that wait together share one flush. They become durable in the order of the calls.
   * @throws GatehouseError `unavailable` when the store cannot write (disk full); this commit and every one
   *   queued behind it are then undone, and `onRollback` listeners hear of it before any promise rejects.
   */
  commit(changes: readonly Change[]): Promise<void>;

  /** Called, in the same turn and before the promises reject, when queued commits were undone. */
  onRollback(listener: () => void): void;

  /** Waits for commits under way, then closes. */
  close(): Promise<void>;
}
