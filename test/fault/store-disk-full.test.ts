import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { defineKind } from "../../gateway/store/kind.ts";
import { Registry } from "../../gateway/store/registry.ts";
import { openSqliteStore } from "../../gateway/store/sqlite.ts";

interface Note {
  readonly id: number;
  readonly version: number;
  readonly text: string;
}

const notes = defineKind<Note>({ name: "note" });
const FEW_PAGES = 40;
const MANY_PAGES = 4_000;
const TEXT = "x".repeat(3_000);

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "gatehouse-full-"));
});

afterEach(() => {
  rmSync(directory, { recursive: true });
});

/** Two notes in one transaction, which must come and go together. */
function addPair(registry: Registry): Promise<readonly number[]> {
  return registry.transact((transaction) =>
    [1, 2].map(() => transaction.insert(notes, (id) => ({ id, text: TEXT })).id),
  );
}

test("a full disk refuses writes in plain words, loses nothing, and is over when there is room again", async () => {
  const path = join(directory, "house.db");
  const store = await openSqliteStore(path);
  const registry = await Registry.open(store, [notes]);
  await store.limitPages(FEW_PAGES);

  const durable: number[] = [];
  let refusal: unknown;
  while (refusal === undefined) {
    await addPair(registry).then(
      (ids) => durable.push(...ids),
      (error: unknown) => {
        refusal = error;
      },
    );
  }
  expect(durable.length).toBeGreaterThan(10);
  expect(refusal).toMatchObject({
    code: "unavailable",
    message: "The store cannot write, the disk is full (database or disk is full): free some space.",
  });

  const many = await Promise.allSettled(Array.from({ length: 20 }, () => addPair(registry)));
  expect(many.every(({ status }) => status === "rejected")).toBe(true);
  const newest = await registry.transact((transaction) => [...transaction.values(notes)].map(({ id }) => id));
  expect(newest).toEqual(durable);
  expect(registry.collection(notes).size).toBe(durable.length);

  await store.limitPages(MANY_PAGES);
  durable.push(...(await addPair(registry)));
  await registry.close();

  const again = await Registry.open(await openSqliteStore(path), [notes]);
  expect(Array.from(again.collection(notes).values(), ({ id }) => id)).toEqual(durable);
  await again.close();
});
