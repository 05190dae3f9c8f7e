import { chmodSync, existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openSqliteStore, type SqliteStore } from "../../gateway/store/sqlite.ts";

let directory: string;
let path: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "gatehouse-sqlite-"));
  path = join(directory, "house.db");
});

afterEach(() => {
  rmSync(directory, { recursive: true });
});

function insert(store: SqliteStore, key: string, body = "{}"): Promise<void> {
  return store.commit([{ kind: "vm", key, version: 1, body }]);
}

function modes(): string[] {
  return ["", "-wal", "-shm"]
    .filter((ending) => existsSync(path + ending))
    .map((ending) => (statSync(path + ending).mode & 0o777).toString(8));
}

test("its files are for their owner alone, new or found", async () => {
  const first = await openSqliteStore(path);
  await insert(first, "1");
  expect(modes()).toEqual(["600", "600", "600"]);
  await first.close();

  writeFileSync(`${path}-wal`, "");
  for (const ending of ["", "-wal"]) rmSync(path + ending);
  new DatabaseSync(path).close();
  chmodSync(path, 0o644);
  const second = await openSqliteStore(path);
  await insert(second, "1");
  expect(modes()).toEqual(["600", "600", "600"]);
  await second.close();
});

test("closing leaves one whole file, in WAL mode, that opens again", async () => {
  const store = await openSqliteStore(path);
  await insert(store, "1", '{"a":1}');
  await store.close();
  expect(existsSync(`${path}-wal`)).toBe(false);

  const database = new DatabaseSync(path, { readOnly: true });
  expect(database.prepare("PRAGMA journal_mode").get()).toMatchObject({ journal_mode: "wal" });
  expect(database.prepare("SELECT * FROM objects").all()).toMatchObject([{ key: "1", body: '{"a":1}' }]);
  database.close();

  const again = await openSqliteStore(path);
  await again.commit([{ kind: "vm", key: "1", version: 2, body: null }]);
  await again.close();
});

test("refuses a file of a newer Gatehouse, and leaves it as it is", async () => {
  await (await openSqliteStore(path)).close();
  const database = new DatabaseSync(path);
  database.exec("PRAGMA user_version = 99");
  await expect(openSqliteStore(path)).rejects.toThrow(
    /^The store has schema version 99, written by a newer Gatehouse; this one knows versions up to 1: /,
  );
  expect(database.prepare("PRAGMA user_version").get()).toMatchObject({ user_version: 99 });
  database.close();
});

test("refuses what is no database, and a place where none can be", async () => {
  writeFileSync(path, "not a database, but long enough to look like one ".repeat(40));
  await expect(openSqliteStore(path)).rejects.toMatchObject({
    code: "unavailable",
    message: `The store failed: file is not a database. (${path})`,
  });
  await expect(openSqliteStore(join(directory, "missing", "house.db"))).rejects.toMatchObject({
    code: "unavailable",
  });
});

test("loads large objects in pieces of bounded size", async () => {
  const store = await openSqliteStore(path);
  const body = JSON.stringify("x".repeat(300_000));
  for (let key = 0; key < 9; key++) await insert(store, String(key), body);
  const pieces: number[] = [];
  for await (const piece of store.load()) pieces.push(piece.length);
  expect(pieces).toEqual([4, 4, 1]);
  await store.close();
});

test("when its thread ends, everything that waits is undone and everything later refused", async () => {
  const store = await openSqliteStore(path);
  await insert(store, "1");
  let rollbacks = 0;
  store.onRollback(() => rollbacks++);
  const waiting = Promise.allSettled(["2", "3"].map((key) => insert(store, key)));
  await store.terminate();
  const outcomes = (await waiting).map(({ status }) => status);

  await expect(insert(store, "4")).rejects.toThrow(/^The store's thread has ended .*before a restart\.$/);
  expect(rollbacks).toBeGreaterThan(0);
  await expect(store.load().next()).rejects.toMatchObject({ code: "unavailable" });
  await expect(store.close()).rejects.toMatchObject({ code: "unavailable" });

  const again = await openSqliteStore(path);
  const keys: string[] = [];
  for await (const piece of again.load()) keys.push(...piece.map(({ key }) => key));
  expect(keys).toContain("1");
  for (const [index, key] of ["2", "3"].entries()) {
    if (outcomes[index] === "fulfilled") expect(keys).toContain(key);
  }
  await again.close();
});
