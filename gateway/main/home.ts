/** The home: the directory that holds all that a house knows, taken for one process at a time. */

import { existsSync } from "node:fs";
import { join } from "node:path";
import { GatehouseError } from "../../shared/errors.ts";
import { type HomeLock, lockHome } from "../store/lock.ts";
import { openSqliteStore } from "../store/sqlite.ts";
import type { StoreStats } from "../store/stats.ts";
import type { Store } from "../store/store.ts";
import { rememberPlace } from "./home-place.ts";

export interface Home {
  readonly path: string;
  readonly store: Store & { readonly stats: StoreStats };
  /** Resolves with why, once the store can do nothing any more until a new start. */
  readonly lost: Promise<string>;
  /** False once it was removed, moved or replaced: what is written then is not found again. */
  isThere(): boolean;
  /** Closes the store, and gives the home free. @throws GatehouseError `unavailable` when it is not there any more. */
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
    const file = join(path, STORE_FILE);
    const store = await openSqliteStore(file);
    const isThere = rememberPlace(file);
    const close = async (): Promise<void> => {
      const wasThere = isThere();
      await closeStore(store, lock);
      if (!wasThere) throw new GatehouseError("unavailable", whatIsLost(path));
    };
    return { path, store, lost: store.lost, isThere, close };
  } catch (error) {
    lock.release();
    throw error;
  }
}

async function closeStore(store: Store, lock: HomeLock): Promise<void> {
  try {
    await store.close();
  } finally {
    lock.release();
  }
}

/** One sentence for whoever removed a home under its house. */
export function whatIsLost(path: string): string {
  return `The home ${path} is not where it was opened any more: unless it was only moved, all that the house knew is lost, what it acknowledged since too (users, hosts, VMs, services, keys of agents, history).`;
}

/** @throws GatehouseError `not_found` when no house has ever stood there: reading must not make one. */
export function requireHome(path: string): void {
  if (existsSync(join(path, STORE_FILE))) return;
  throw new GatehouseError(
    "not_found",
    `There is no home in ${path}; start one with gatehouse up, or name another with --home or GATEHOUSE_HOME.`,
  );
}
