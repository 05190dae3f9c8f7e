import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { memoryStore } from "../../gateway/store/memory.ts";
import { openSqliteStore } from "../../gateway/store/sqlite.ts";
import type { Change, Store, StoredObject } from "../../gateway/store/store.ts";

let directory: string;
let files = 0;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "gatehouse-store-"));
});

afterAll(() => {
  rmSync(directory, { recursive: true });
});

const stores: [string, () => Promise<Store>][] = [
  ["memory", async () => memoryStore()],
  ["SQLite", () => openSqliteStore(join(directory, `${files++}.db`))],
];

async function all(store: Store, kindPrefix?: string): Promise<StoredObject[]> {
  const objects: StoredObject[] = [];
  for await (const piece of store.load(kindPrefix)) objects.push(...piece);
  return objects;
}

function change(kind: string, key: string, version: number, body: string | null = `"${version}"`): Change {
  return { kind, key, version, body };
}

/** What became of each commit, when all were made in one turn. */
async function outcomes(store: Store, commits: readonly (readonly Change[])[]): Promise<string[]> {
  const settled = await Promise.allSettled(commits.map((changes) => store.commit(changes)));
  return settled.map((result) => (result.status === "fulfilled" ? "durable" : result.reason.code));
}

describe.each(stores)("the %s store", (_, open) => {
  test("loads what was committed, ordered by kind and key", async () => {
    const store = await open();
    await store.commit([change("vm", "2", 1), change("vm", "10", 1), change("host", "3", 1)]);
    await store.commit([change("vm", "2", 2, '"é 漢 😀"')]);
    expect(await all(store)).toEqual([
      { kind: "host", key: "3", version: 1, body: '"1"' },
      { kind: "vm", key: "10", version: 1, body: '"1"' },
      { kind: "vm", key: "2", version: 2, body: '"é 漢 😀"' },
    ]);
    await store.close();
  });

  test("loads the kinds that begin alike, and reads no others", async () => {
    const store = await open();
    const many = Array.from({ length: 2_500 }, (_, index) => change("gate_key", String(index), 1));
    const others = ["gate", "gatf", "host", "vm", "gate_"].map((kind) => change(kind, "1", 1));
    await store.commit([...many, ...others, change("gate_z", "1", 1)]);
    const kinds: string[] = [];
    for await (const piece of store.load("gate_")) kinds.push(...piece.map(({ kind }) => kind));
    expect(kinds).toEqual(["gate_", ...many.map(() => "gate_key"), "gate_z"]);
    for await (const _ of store.load("nothing")) throw new Error("something begins with nothing");
    await store.close();
  });

  test("loads many objects in pieces, each one once", async () => {
    const store = await open();
    const keys = Array.from({ length: 4_500 }, (_, index) => String(index));
    await store.commit(keys.map((key) => change("vm", key, 1)));
    const pieces: number[] = [];
    const seen = new Set<string>();
    for await (const piece of store.load()) {
      pieces.push(piece.length);
      for (const { key } of piece) seen.add(key);
    }
    expect(seen.size).toBe(4_500);
    expect(pieces).toEqual([2_000, 2_000, 500]);
    await store.close();
  });

  test.each([
    ["a new object in version 2", change("vm", "9", 2)],
    ["a version that is stored already", change("vm", "1", 1)],
    ["a version that skips one", change("vm", "1", 3)],
    ["a deletion in the wrong version", change("vm", "1", 3, null)],
    ["a deletion of what is not there", change("vm", "9", 1, null)],
  ])("refuses %s, and undoes the whole commit", async (_, wrong) => {
    const store = await open();
    await store.commit([change("vm", "1", 1)]);
    const before = await all(store);
    await expect(store.commit([change("vm", "2", 1), wrong])).rejects.toMatchObject({ code: "conflict" });
    expect(await all(store)).toEqual(before);
    await store.commit([change("vm", "2", 1)]);
    expect(await all(store)).toHaveLength(2);
    await store.close();
  });

  test("deletes, and takes the key again from version 1", async () => {
    const store = await open();
    await store.commit([change("vm", "1", 1), change("vm", "2", 1)]);
    await store.commit([change("vm", "1", 2, null), change("vm", "1", 1, '"again"')]);
    await store.commit([change("vm", "2", 2, null)]);
    expect(await all(store)).toEqual([{ kind: "vm", key: "1", version: 1, body: '"again"' }]);
    await store.close();
  });

  test("undoes the commits that wait with one that fails, and goes on working", async () => {
    const store = await open();
    let rollbacks = 0;
    store.onRollback(() => rollbacks++);
    const commits = [[change("a", "1", 1)], [change("a", "1", 3)], [change("b", "1", 1)]];
    expect(await outcomes(store, commits)).toEqual(["unavailable", "conflict", "unavailable"]);
    expect(rollbacks).toBe(1);
    expect(await all(store)).toEqual([]);
    expect(await outcomes(store, [[change("a", "1", 1)], [], [change("a", "1", 2)]])).toEqual([
      "durable",
      "durable",
      "durable",
    ]);
    await store.close();
  });

  test("resolves commits in the order of the calls", async () => {
    const store = await open();
    const order: number[] = [];
    const commits = Array.from({ length: 50 }, async (_, index) => {
      await store.commit([change("vm", String(index), 1)]);
      order.push(index);
    });
    await Promise.all(commits);
    expect(order).toEqual([...order].sort((one, other) => one - other));
    await store.close();
  });

  test("finishes what waits when it closes, and refuses what comes later", async () => {
    const store = await open();
    const commit = store.commit([change("vm", "1", 1)]);
    const closed = store.close();
    await expect(store.commit([change("vm", "2", 1)])).rejects.toThrow("The store is closed.");
    await expect(commit).resolves.toBeUndefined();
    await closed;
    await store.close();
  });
});

test("both stores take and refuse the same commits, and end up with the same objects", async () => {
  const [memory, sqlite] = await Promise.all(stores.map(([, open]) => open()));
  if (memory === undefined || sqlite === undefined) throw new Error("two stores are compared");
  const anyChange = fc.record({
    kind: fc.constantFrom("a", "b"),
    key: fc.constantFrom("1", "2", "3"),
    version: fc.integer({ min: 1, max: 4 }),
    body: fc.option(fc.json(), { freq: 4 }),
  });
  const turns = fc.array(fc.array(fc.array(anyChange, { maxLength: 3 }), { maxLength: 3 }), {
    maxLength: 12,
  });
  let runs = 0;
  await fc.assert(
    fc.asyncProperty(turns, async (sequence) => {
      // Kinds of its own for each run: a store of its own would cost a thread and a file.
      runs += 1;
      const prefix = `${runs}-`;
      for (const turn of sequence) {
        const commits = turn.map((changes) => changes.map((one) => ({ ...one, kind: prefix + one.kind })));
        expect(await outcomes(sqlite, commits)).toEqual(await outcomes(memory, commits));
      }
      expect(await all(sqlite, prefix)).toEqual(await all(memory, prefix));
    }),
    { numRuns: 40 },
  );
  await sqlite.close();
});
