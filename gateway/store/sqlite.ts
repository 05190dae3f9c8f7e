/** The store on SQLite: a worker thread owns the file, a commit queue feeds it. */

import { GatehouseError } from "../../shared/errors.ts";
import { CommitQueue } from "./commit-queue.ts";
import { makePrivate } from "./private-file.ts";
import { SqliteChannel } from "./sqlite-channel.ts";
import type { Answer, ChangeRow } from "./sqlite-protocol.ts";
import { StoreStats } from "./stats.ts";
import type { Change, Store, StoredObject } from "./store.ts";

/**
 * Opens the SQLite file at `path`, or makes it (mode 0600: object texts hold token passwords and password hashes).
 * @throws GatehouseError `conflict` for a file of a newer Gatehouse, `unavailable` when it cannot be opened.
 */
export async function openSqliteStore(path: string): Promise<SqliteStore> {
  guardFile(path);
  const channel = new SqliteChannel(path);
  const answer = await channel.opened;
  if (answer.type !== "failed") return new SqliteStore(channel);
  await channel.close();
  throw new GatehouseError(answer.failure.code, `${answer.failure.message} (${path})`);
}

export class SqliteStore implements Store {
  readonly stats = new StoreStats();
  /**
   * Resolves with how the thread ended, if it does before `close`: nothing is written any more, and whether what was under
   * way is durable is unknown, so only a new start, which reads what is, can go on.
   */
  readonly lost: Promise<string>;
  readonly #channel: SqliteChannel;
  readonly #commits: CommitQueue;
  #closing: Promise<void> | undefined;

  constructor(channel: SqliteChannel) {
    this.#channel = channel;
    this.lost = new Promise((resolve) => {
      void channel.ended().then((reason) => {
        if (this.#closing === undefined) resolve(`The store's thread has ended (${reason}).`);
      });
    });
    this.#commits = new CommitQueue(async (changes, generation) => {
      const answer = await channel.request({ type: "write", rows: changes.map(rowOf), generation });
      if (answer.type === "done" && answer.flushMs !== undefined)
        this.stats.flushes.add(answer.flushMs / 1_000);
      return answer.type === "failed" ? answer.failure : undefined;
    }, this.stats);
  }

  async *load(kindPrefix = ""): AsyncGenerator<readonly StoredObject[]> {
    let page = this.#channel.request({ type: "page", after: [kindPrefix, ""] });
    for (;;) {
      const answer = throwFailure(await page);
      const rows = answer.type === "page" ? answer.rows : [];
      // Kinds stand in order, so what begins alike stands together.
      const wanted = rows.filter(([kind]) => kind.startsWith(kindPrefix));
      const last = wanted.at(-1);
      if (last === undefined) return;
      // The next page is read while the caller works on this one.
      const isLastPage = wanted.length < rows.length;
      if (!isLastPage) page = this.#channel.request({ type: "page", after: [last[0], last[1]] });
      yield wanted.map(([kind, key, version, body]) => ({ kind, key, version, body }));
      if (isLastPage) return;
    }
  }

  commit(changes: readonly Change[]): Promise<void> {
    return this.#commits.commit(changes);
  }

  onRollback(listener: () => void): void {
    this.#commits.onRollback(listener);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /**
   * Lets the file hold so many pages and no more; commits beyond it fail as on a full disk.
   * @throws GatehouseError `unavailable` when the store has ended.
   */
  async limitPages(pages: number): Promise<void> {
    throwFailure(await this.#channel.request({ type: "limit", pages }));
  }

  /** Ends the worker thread without closing anything, as its crash would. */
  terminate(): Promise<void> {
    return this.#channel.terminate();
  }

  async #close(): Promise<void> {
    await this.#commits.close();
    throwFailure(await this.#channel.close());
  }
}

function rowOf({ kind, key, version, body }: Change): ChangeRow {
  return [kind, key, version, body];
}

function throwFailure(answer: Answer): Answer {
  if (answer.type === "failed") throw new GatehouseError(answer.failure.code, answer.failure.message);
  return answer;
}

function guardFile(path: string): void {
  try {
    makePrivate(path);
  } catch (error) {
    throw new GatehouseError("unavailable", `The store ${path} cannot be made or opened.`, { cause: error });
  }
}
