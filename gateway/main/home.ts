/** The home: the directory that holds all that a house knows, taken for one process at a time. */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { GatehouseError } from "../../shared/errors.ts";
import { type HomeLock, lockHome } from "../store/lock.ts";
import { openSqliteStore } from "../store/sqlite.ts";
import type { StoreStats } from "../store/stats.ts";
import type { Store } from "../store/store.ts";

export interface Home {
  readonly path: string;
  readonly store: Store & { readonly stats: StoreStats };
  /** Closes the store, and gives the home free. */
  close(): Promise<void>;
}

const STORE_FILE = "gatehouse.db";

/**
 * Takes the home, making it (mode 0700) when it is missing.
 * @throws GatehouseError `conflict` when another house has it, `unavailable` when it cannot be opened.
 */
export async function openHome(path: string): Promise<Home> {
  const lock = lockHome(path);
  try {
    const store = await openSqliteStore(join(path, STORE_FILE));
    return { path, store, close: () => closeHome(store, lock) };
  } catch (error) {
    lock.release();
    throw error;
  }
}

async function closeHome(store: Store, lock: HomeLock): Promise<void> {
  try {
    await store.close();
  } finally {
    lock.release();
  }
}

/** @throws GatehouseError `not_found` when no house has ever stood there: reading must not make one. */
export function requireHome(path: string): void {
  if (existsSync(join(path, STORE_FILE))) return;
  throw new GatehouseError(
    "not_found",
    `There is no home in ${path}; start one with gatehouse up, or name another with --home or GATEHOUSE_HOME.`,
  );
}
