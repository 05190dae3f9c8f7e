import { expect, test } from "vitest";
import {
  CommitQueue,
  MAX_BATCH_COMMITS,
  MAX_WRITES_IN_FLIGHT,
  OUTDATED,
  type WriteFailure,
} from "../../gateway/store/commit-queue.ts";
import type { Change } from "../../gateway/store/store.ts";

function change(key: string, version = 1): Change {
  return { kind: "thing", key, version, body: "{}" };
}

/** A disk whose every write waits until the test answers it. */
function heldDisk() {
  const writes: { keys: string[]; generation: number; answer: (failure?: WriteFailure) => void }[] = [];
  let arrived = () => {};
  const queue = new CommitQueue((changes, generation) => {
    const { promise, resolve } = Promise.withResolvers<WriteFailure | undefined>();
    writes.push({ keys: changes.map(({ key }) => key), generation, answer: resolve });
    arrived();
    return promise;
  });
  const write = async (index: number) => {
    while (writes[index] === undefined) {
      await new Promise<void>((resolve) => {
        arrived = resolve;
      });
    }
    return writes[index];
  };
  return { queue, write, writes };
}

test("commits of one turn share a write, and those that come meanwhile share the next", async () => {
  const { queue, write } = heldDisk();
  const first = [queue.commit([change("a")]), queue.commit([change("b"), change("c")])];
  expect((await write(0)).keys).toEqual(["a", "b", "c"]);

  const second = [queue.commit([change("d")]), queue.commit([change("e")])];
  (await write(0)).answer();
  await Promise.all(first);
  expect((await write(1)).keys).toEqual(["d", "e"]);
  (await write(1)).answer();
  await Promise.all(second);
});

test("a write takes no more than the bound, and the rest goes next", async () => {
  const { queue, write } = heldDisk();
  const commits = Array.from({ length: MAX_BATCH_COMMITS + 3 }, (_, index) =>
    queue.commit([change(String(index))]),
  );
  expect((await write(0)).keys).toHaveLength(MAX_BATCH_COMMITS);
  (await write(0)).answer();
  expect((await write(1)).keys).toEqual(["1000", "1001", "1002"]);
  (await write(1)).answer();
  await Promise.all(commits);
});

test("a failed write undoes what is queued behind it, and listeners hear it before anybody who waits", async () => {
  const { queue, write, writes } = heldDisk();
  const heard: string[] = [];
  queue.onRollback(() => heard.push("rollback"));
  const note = (name: string) => (error: Error) => heard.push(`${name}: ${error.message}`);

  const written = queue.commit([change("a")]).catch(note("a"));
  const { answer } = await write(0);
  const queued = queue.commit([change("b")]).catch(note("b"));
  answer({ code: "unavailable", message: "The disk is full." });
  await Promise.all([written, queued]);
  expect(heard).toEqual(["rollback", "a: The disk is full.", "b: The disk is full."]);
  expect(writes).toHaveLength(1);

  const later = queue.commit([change("c")]);
  (await write(1)).answer();
  await expect(later).resolves.toBeUndefined();
});

test("a commit that does not follow is told so, its neighbours that they were undone with it", async () => {
  const { queue, write } = heldDisk();
  const commits = [
    queue.commit([change("a"), change("b")]),
    queue.commit([]),
    queue.commit([change("c"), change("d", 7)]),
    queue.commit([change("e")]),
  ];
  const settled = Promise.allSettled(commits);
  (await write(0)).answer({ code: "conflict", message: "Version 7 does not follow.", row: 3 });
  const codes = (await settled).map((result) =>
    result.status === "rejected" ? result.reason.code : "durable",
  );
  expect(codes).toEqual(["unavailable", "unavailable", "conflict", "unavailable"]);
});

test("closing waits for what is queued, and refuses what comes later", async () => {
  const { queue, write } = heldDisk();
  const rollbacks: string[] = [];
  queue.onRollback(() => rollbacks.push("rollback"));
  const commit = queue.commit([change("a")]);
  const closed = queue.close();
  await expect(queue.commit([change("b")])).rejects.toMatchObject({ code: "unavailable" });
  expect(rollbacks).toEqual(["rollback"]);
  (await write(0)).answer();
  await Promise.all([commit, closed]);
});

/** The turn in which commits gathered so far go to the writer. */
const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

test("writes go on while one is at the disk, but only so many", async () => {
  const { queue, write, writes } = heldDisk();
  const commits: Promise<void>[] = [];
  for (let turn = 0; turn < MAX_WRITES_IN_FLIGHT + 2; turn += 1) {
    commits.push(queue.commit([change(String(turn))]));
    await nextTurn();
  }
  expect(writes.map(({ keys }) => keys.join())).toEqual(["0", "1", "2", "3"]);
  (await write(0)).answer();
  // The two that had to wait go together.
  expect((await write(MAX_WRITES_IN_FLIGHT)).keys).toEqual(["4", "5"]);
  for (const { answer } of writes) answer();
  await Promise.all(commits);
});

test("a failed write takes down those behind it at the disk, and what comes later is of a new generation", async () => {
  const { queue, write, writes } = heldDisk();
  const first = queue.commit([change("a")]).catch((error: Error) => error.message);
  const { answer, generation } = await write(0);
  const second = queue.commit([change("b")]).catch((error: Error) => error.message);
  expect((await write(1)).generation).toBe(generation);
  answer({ code: "unavailable", message: "The disk is full." });
  expect(await Promise.all([first, second])).toEqual(["The disk is full.", "The disk is full."]);

  const later = queue.commit([change("c")]);
  expect((await write(2)).generation).toBeGreaterThan(generation);
  // The answer to what was undone already changes nothing.
  writes[1]?.answer(OUTDATED);
  (await write(2)).answer();
  await later;
});
