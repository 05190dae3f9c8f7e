/** The store in memory: the same promises as the durable one, nothing on disk. For unit tests and simulations. */

import { GatehouseError } from "../../shared/errors.ts";
import { CommitQueue, OUTDATED, versionMismatch, type WriteFailure } from "./commit-queue.ts";
import type { Change, Store, StoredObject } from "./store.ts";

/** Objects in one piece of load(). */
const MAX_PAGE_OBJECTS = 2_000;

const DISK_FULL = new GatehouseError("unavailable", "The store cannot write, the disk is full.");

export interface MemoryStore extends Store {
  /** Makes the next write fail with `error`, as a full disk would: it and all that is queued behind it are undone. */
  failNext(error?: GatehouseError): void;
}

/** A store that holds `initial`. */
export function memoryStore(initial: readonly StoredObject[] = []): MemoryStore {
  const objects = new Map(initial.map((object) => [pathOf(object), object]));
  let failure: WriteFailure | undefined;

  let failedGeneration = -1;
  const commits = new CommitQueue(async (changes, generation) => {
    if (generation <= failedGeneration) return OUTDATED;
    const planned = failure ?? plan(objects, changes);
    failure = undefined;
    if (!(planned instanceof Map)) {
      failedGeneration = generation;
      return planned;
    }
    for (const [path, object] of planned) {
      if (object === undefined) objects.delete(path);
      else objects.set(path, object);
    }
    return undefined;
  });

  return {
    async *load(kindPrefix = "") {
      const wanted = [...objects.values()].filter(({ kind }) => kind.startsWith(kindPrefix));
      const sorted = wanted.sort(byKindAndKey);
      for (let start = 0; start < sorted.length; start += MAX_PAGE_OBJECTS) {
        yield sorted.slice(start, start + MAX_PAGE_OBJECTS);
      }
    },
    commit: (changes) => commits.commit(changes),
    onRollback: (listener) => commits.onRollback(listener),
    close: () => commits.close(),
    failNext: (error = DISK_FULL) => {
      failure = { code: error.code, message: error.message };
    },
  };
}

/** What the changes come to, by path; a failure when one of them does not follow what is stored. */
function plan(
  objects: ReadonlyMap<string, StoredObject>,
  changes: readonly Change[],
): Map<string, StoredObject | undefined> | WriteFailure {
  const planned = new Map<string, StoredObject | undefined>();
  for (const [row, change] of changes.entries()) {
    const { kind, key, version, body } = change;
    const path = pathOf(change);
    const stored = planned.has(path) ? planned.get(path) : objects.get(path);
    const nothingToDelete = stored === undefined && body === null;
    if (nothingToDelete || version !== (stored?.version ?? 0) + 1) {
      return versionMismatch(kind, key, version, row);
    }
    planned.set(path, body === null ? undefined : { kind, key, version, body });
  }
  return planned;
}

function pathOf({ kind, key }: { readonly kind: string; readonly key: string }): string {
  return JSON.stringify([kind, key]);
}

function byKindAndKey(one: StoredObject, other: StoredObject): number {
  if (one.kind !== other.kind) return one.kind < other.kind ? -1 : 1;
  if (one.key === other.key) return 0;
  return one.key < other.key ? -1 : 1;
}
