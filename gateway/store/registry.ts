/**
 * The objects of the house in memory, written through to the store. Transactions are synchronous and see the
 * newest state; readers see only what is durable, so nothing is shown that a crash could take back.
 */

import { GatehouseError } from "../../shared/errors.ts";
import type { Key, Kind, KindDefinition, Versioned } from "./kind.ts";
import type { Store } from "./store.ts";
import { type AnyTable, type Staged, Tables } from "./table.ts";
import { COUNTERS, RegistryTransaction, type Transaction } from "./transaction.ts";
import type { ReadonlyCollection, Write } from "./view.ts";

/** Transactions that wait for the disk at one time; more are refused before their work runs. */
export const MAX_TRANSACTIONS_IN_FLIGHT = 100_000;

/** What one transaction made of the objects of each kind, each object once. */
export interface Committed {
  of<T extends Versioned, K extends Key, I extends string>(kind: Kind<T, K, I>): readonly Write<T>[];
}

export class Registry {
  readonly #store: Store;
  readonly #tables: Tables;
  #working = false;
  #closed = false;
  #inFlight = 0;
  readonly #commitListeners: ((committed: Committed) => void)[] = [];

  private constructor(store: Store, tables: Tables) {
    this.#store = store;
    this.#tables = tables;
    store.onRollback(() => {
      for (const table of tables.all()) table.dropPending();
    });
  }

  /**
   * Loads all objects of these kinds; rows of other kinds belong to other parts of the house and stay untouched.
   * @throws GatehouseError `unavailable` when a row is damaged (its kind and key are named) or cannot be read.
   */
  static async open(store: Store, kinds: readonly KindDefinition[]): Promise<Registry> {
    return await Registry.#open(store, [COUNTERS, ...kinds], "");
  }

  /**
   * The same for kinds whose names all begin with `kindPrefix`, without reading past the rest of the store, where the VMs
   * of a large house are. Their objects bear keys of their own: ids are counted where all kinds are.
   */
  static async openPart(
    store: Store,
    kindPrefix: string,
    kinds: readonly KindDefinition[],
  ): Promise<Registry> {
    const stranger = kinds.find(({ name }) => !name.startsWith(kindPrefix));
    if (stranger !== undefined) {
      throw new GatehouseError("internal", `The kind ${stranger.name} does not begin with ${kindPrefix}.`);
    }
    return await Registry.#open(store, kinds, kindPrefix);
  }

  static async #open(store: Store, kinds: readonly KindDefinition[], kindPrefix: string): Promise<Registry> {
    const tables = new Tables(kinds);
    await load(store, tables, kindPrefix);
    return new Registry(store, tables);
  }

  /** The durable objects of a kind, live. */
  collection<T extends Versioned, K extends Key, I extends string>(
    kind: Kind<T, K, I>,
  ): ReadonlyCollection<T, K, I> {
    return this.#tables.of(kind).durable;
  }

  /** Told of every transaction that changed something, once it is durable, in the order of commits; must not throw. */
  onCommit(listener: (committed: Committed) => void): void {
    this.#commitListeners.push(listener);
  }

  /**
   * Runs `work` at once, and resolves with its result when all its changes are durable and visible to readers.
   * When `work` throws, nothing happens and the error comes back.
   * @throws GatehouseError `unavailable` when the store could not write: then this and every transaction that
   *   waits with it never happened, and the newest state is again the durable one.
   */
  async transact<R>(work: (transaction: Transaction) => R): Promise<R> {
    this.#admit();
    const { result, effects, changes, staged } = this.#run(work);
    // Without changes of its own it still read what others have not made durable yet, and must wait with them.
    if (changes.length > 0 || this.#inFlight > 0) {
      this.#inFlight++;
      try {
        await this.#store.commit(changes);
      } finally {
        this.#inFlight--;
      }
    }
    for (const { settle } of staged.values()) settle();
    for (const effect of effects) runEffect(effect);
    if (changes.length > 0) this.#tell(staged);
    return result;
  }

  /** Refuses new transactions, waits for those under way, and closes the store. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#store.close();
  }

  #admit(): void {
    if (this.#closed) throw new GatehouseError("unavailable", "The registry is closed.");
    if (this.#working) throw new GatehouseError("internal", "A transaction was begun inside another one.");
    if (this.#inFlight >= MAX_TRANSACTIONS_IN_FLIGHT) {
      throw new GatehouseError(
        "unavailable",
        `${MAX_TRANSACTIONS_IN_FLIGHT} changes wait for the disk already; try again later.`,
      );
    }
  }

  /** What the work leaves in the drafts is kept when it returns, dropped when it throws. */
  #run<R>(work: (transaction: Transaction) => R) {
    const transaction = new RegistryTransaction(this.#tables);
    this.#working = true;
    try {
      const result = refusePromise(work(transaction));
      const changes = [...transaction.touched].flatMap((table) => table.changes());
      const staged = new Map(Array.from(transaction.touched, (table) => [table, table.stage()] as const));
      return { result, changes, effects: transaction.end(), staged };
    } catch (error) {
      for (const table of transaction.touched) table.discardDraft();
      throw error;
    } finally {
      transaction.end();
      this.#working = false;
    }
  }

  #tell(staged: ReadonlyMap<AnyTable, Staged<never>>): void {
    const committed: Committed = {
      of: (kind) => staged.get(this.#tables.of(kind) as unknown as AnyTable)?.writes() ?? [],
    };
    for (const listener of this.#commitListeners) runEffect(() => listener(committed));
  }
}

/** Fills the tables from the rows of their kinds. */
async function load(store: Store, tables: Tables, kindPrefix: string): Promise<void> {
  for await (const rows of store.load(kindPrefix)) {
    for (const row of rows) tables.named(row.kind)?.load(row);
  }
  for (const table of tables.all()) table.finishLoading();
}

/** Work that goes on after it has returned would change what nobody commits. */
function refusePromise<R>(result: R): R {
  if (!(result instanceof Promise)) return result;
  result.catch(() => undefined);
  throw new GatehouseError(
    "internal",
    "The work of a transaction must be synchronous, and returned a promise.",
  );
}

/** An effect that throws is a bug: it must be seen, and must neither stop the others nor undo what is durable. */
function runEffect(effect: () => void): void {
  try {
    effect();
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
