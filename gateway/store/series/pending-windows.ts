/** Windows that have raw rows and are not made yet: in the file, written with those rows, and in memory. */

import type { DatabaseSync, StatementSync } from "node:sqlite";

export interface Window {
  readonly hostId: number;
  /** When it begins. */
  readonly from: number;
}

const NONE: ReadonlySet<number> = new Set();

export class PendingWindows {
  #size = 0;
  readonly #byHost = new Map<number, Set<number>>();
  /** Of the transaction under way. */
  #marked: Window[] = [];
  #cleared: Window[] = [];
  readonly #insert: StatementSync;
  readonly #delete: StatementSync;

  constructor(database: DatabaseSync, table: string) {
    this.#insert = database.prepare(`INSERT OR IGNORE INTO ${table} (host, start) VALUES (?, ?)`);
    this.#delete = database.prepare(`DELETE FROM ${table} WHERE host = ? AND start = ?`);
    for (const { host, start } of database.prepare(`SELECT host, start FROM ${table}`).iterate())
      this.#add({ hostId: Number(host), from: Number(start) });
  }

  get size(): number {
    return this.#size;
  }

  mark(hostId: number, from: number): void {
    if (this.#byHost.get(hostId)?.has(from)) return;
    this.#insert.run(hostId, from);
    this.#add({ hostId, from });
    this.#marked.push({ hostId, from });
  }

  clear(hostId: number, from: number): void {
    this.#delete.run(hostId, from);
    this.#remove({ hostId, from });
    this.#cleared.push({ hostId, from });
  }

  /** The transaction was committed. */
  settled(): void {
    this.#marked = [];
    this.#cleared = [];
  }

  /** It was rolled back. */
  undone(): void {
    for (const window of this.#marked) this.#remove(window);
    for (const window of this.#cleared) this.#add(window);
    this.settled();
  }

  /** Of one host, when they begin. */
  of(hostId: number): ReadonlySet<number> {
    return this.#byHost.get(hostId) ?? NONE;
  }

  /** Up to `limit` that begin no later than a time. */
  due(latest: number, limit: number): readonly Window[] {
    const found: Window[] = [];
    for (const [hostId, starts] of this.#byHost) {
      for (const from of starts) {
        if (from <= latest) found.push({ hostId, from });
        if (found.length >= limit) return found;
      }
    }
    return found;
  }

  #add({ hostId, from }: Window): void {
    this.#size += 1;
    const starts = this.#byHost.get(hostId);
    if (starts === undefined) this.#byHost.set(hostId, new Set([from]));
    else starts.add(from);
  }

  #remove({ hostId, from }: Window): void {
    this.#size -= 1;
    const starts = this.#byHost.get(hostId);
    starts?.delete(from);
    if (starts?.size === 0) this.#byHost.delete(hostId);
  }
}
