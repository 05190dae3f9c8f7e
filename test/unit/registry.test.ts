import fc from "fast-check";
import { expect, expectTypeOf, test } from "vitest";
import { defineKind } from "../../gateway/store/kind.ts";
import { memoryStore } from "../../gateway/store/memory.ts";
import { Registry } from "../../gateway/store/registry.ts";
import type { Store, StoredObject } from "../../gateway/store/store.ts";
import type { Transaction } from "../../gateway/store/transaction.ts";

interface Machine {
  readonly id: number;
  readonly version: number;
  readonly name: string;
  readonly host?: number;
  readonly tags?: readonly string[];
}

interface Lease {
  readonly version: number;
  readonly network: number;
  readonly index: number;
}

const machines = defineKind({
  name: "machine",
  keyOf: (machine: Machine) => machine.id,
  indexes: { name: ({ name }) => name, host: ({ host }) => host, tag: ({ tags }) => tags },
});
const leases = defineKind({
  name: "lease",
  keyOf: ({ network, index }: Lease) => `${network}/${index}`,
  indexes: { network: ({ network }) => network },
});
const groups = defineKind<{ id: number; version: number; name: string }>({ name: "group", firstId: 100 });
const KINDS = [machines, leases, groups];

async function house(initial: readonly StoredObject[] = []) {
  const store = memoryStore(initial);
  return { store, registry: await Registry.open(store, KINDS) };
}

async function rowsOf(store: Store): Promise<StoredObject[]> {
  const rows: StoredObject[] = [];
  for await (const piece of store.load()) rows.push(...piece);
  return rows;
}

function addMachine(transaction: Transaction, name: string, more: Partial<Machine> = {}): Machine {
  return transaction.insert(machines, (id) => ({ id, name, ...more }));
}

const names = (found: Iterable<Machine>) => [...found].map(({ name }) => name).sort();

test("a transaction sees its own changes, and readers see them once they are durable", async () => {
  const { registry } = await house();
  const collection = registry.collection(machines);
  const done = registry.transact((transaction) => {
    const machine = addMachine(transaction, "web", { host: 3 });
    expect(machine).toEqual({ id: 0, version: 1, name: "web", host: 3 });
    expect(transaction.get(machines, 0)).toBe(machine);
    expect(names(transaction.values(machines))).toEqual(["web"]);
    expect(names(transaction.by(machines, "host", 3))).toEqual(["web"]);
    return machine;
  });

  expect(collection.get(0)).toBeUndefined();
  expect(collection.has(0)).toBe(false);
  expect([...collection.values()]).toEqual([]);
  expect(collection.by("host", 3)).toEqual([]);
  expect(collection.size).toBe(0);

  const machine = await done;
  expect(collection.get(0)).toBe(machine);
  expect(collection.has(0)).toBe(true);
  expect([...collection.values()]).toEqual([machine]);
  expect(collection.by("host", 3)).toEqual([machine]);
  expect(collection.size).toBe(1);
});

test("a transaction sees what others committed and nobody has made durable yet", async () => {
  const { registry } = await house();
  const first = registry.transact((transaction) => addMachine(transaction, "web", { host: 1 }));
  const second = registry.transact((transaction) => {
    const [machine] = transaction.by(machines, "name", "web");
    if (machine === undefined) throw new Error("not there");
    return transaction.put(machines, { ...machine, host: 2 });
  });
  const third = registry.transact((transaction) => ({
    values: [...transaction.values(machines)],
    onFirst: transaction.by(machines, "host", 1),
    onSecond: transaction.by(machines, "host", 2),
  }));
  await first;
  const changed = await second;
  expect(changed.version).toBe(2);
  expect(await third).toEqual({ values: [changed], onFirst: [], onSecond: [changed] });
  expect(registry.collection(machines).get(0)).toBe(changed);
});

test("what becomes durable does not cover a newer change that still waits", async () => {
  const { registry } = await house();
  const { id } = await registry.transact((transaction) => addMachine(transaction, "web", { host: 0 }));
  const move = (host: number, effect: () => void) =>
    registry.transact((transaction) => {
      const machine = transaction.get(machines, id);
      if (machine !== undefined) transaction.put(machines, { ...machine, host });
      transaction.after(effect);
    });
  const seen: Promise<number | undefined>[] = [];
  const look = () => {
    seen.push(registry.transact((transaction) => transaction.get(machines, id)?.host));
  };
  const moves = [
    move(1, look),
    move(2, look),
    registry.transact((transaction) => transaction.delete(machines, id)),
  ];
  await Promise.all(moves);
  expect(await Promise.all(seen)).toEqual([undefined, undefined]);
});

test("work that throws changes nothing and hands its error back", async () => {
  const { registry, store } = await house();
  await registry.transact((transaction) => addMachine(transaction, "kept", { tags: ["a"] }));
  const effects: string[] = [];
  const failed = registry.transact((transaction) => {
    addMachine(transaction, "new");
    transaction.put(machines, { id: 0, version: 1, name: "changed" });
    transaction.after(() => effects.push("ran"));
    throw new Error("second thoughts");
  });
  await expect(failed).rejects.toThrow("second thoughts");
  const seen = await registry.transact((transaction) => ({
    values: names(transaction.values(machines)),
    tagged: names(transaction.by(machines, "tag", "a")),
  }));
  expect(seen).toEqual({ values: ["kept"], tagged: ["kept"] });
  expect(effects).toEqual([]);
  const rows = await rowsOf(store);
  expect(rows.filter(({ kind }) => kind === "machine")).toHaveLength(1);
});

test("ids are given once, whatever is deleted, thrown away or restarted", async () => {
  const { registry, store } = await house();
  const insert = (name: string) => registry.transact((transaction) => addMachine(transaction, name).id);
  expect([await insert("a"), await insert("b")]).toEqual([0, 1]);
  await registry.transact((transaction) => transaction.delete(machines, 1));
  expect(await insert("c")).toBe(2);
  await registry.transact((transaction) => transaction.delete(machines, 2));

  const again = await Registry.open(store, KINDS);
  const ids = await again.transact((transaction) => [
    transaction.nextId(machines),
    addMachine(transaction, "d").id,
    transaction.insert(groups, (id) => ({ id, name: "users" })).id,
  ]);
  expect(ids).toEqual([3, 4, 100]);
});

test("an imported id raises the next one, and is refused when it is taken", async () => {
  const { registry } = await house();
  await registry.transact((transaction) => transaction.insertWithId(machines, { id: 41, name: "imported" }));
  await registry.transact((transaction) => transaction.insertWithId(machines, { id: 7, name: "older" }));
  expect(await registry.transact((transaction) => addMachine(transaction, "new").id)).toBe(42);
  await expect(
    registry.transact((transaction) => transaction.insertWithId(machines, { id: 7, name: "twice" })),
  ).rejects.toMatchObject({ code: "conflict", message: "There is a machine 7 already." });
});

test("objects may be kept under a text key", async () => {
  const { registry, store } = await house();
  const take = (index: number) => (transaction: Transaction) =>
    transaction.insertWithId(leases, { network: 4, index });
  await Promise.all([registry.transact(take(1)), registry.transact(take(2))]);
  expect(registry.collection(leases).get("4/2")).toEqual({ network: 4, index: 2, version: 1 });

  // Given up and taken again in one go, and in two.
  await registry.transact((transaction) => {
    expect(transaction.delete(leases, "4/1")).toBe(true);
    expect(transaction.get(leases, "4/1")).toBeUndefined();
    expect(transaction.by(leases, "network", 4)).toHaveLength(1);
    take(1)(transaction);
  });
  await Promise.all([
    registry.transact((transaction) => transaction.delete(leases, "4/2")),
    registry.transact(take(2)),
  ]);
  const again = await Registry.open(store, KINDS);
  expect(again.collection(leases).by("network", 4)).toEqual(registry.collection(leases).by("network", 4));
  expect(again.collection(leases).size).toBe(2);
});

test("an object changed several times in one transaction is written once", async () => {
  const { registry, store } = await house();
  await registry.transact((transaction) => addMachine(transaction, "a"));
  const machine = await registry.transact((transaction) => {
    const once = transaction.put(machines, { id: 0, version: 1, name: "b" });
    return transaction.put(machines, { ...once, name: "c" });
  });
  expect(machine).toEqual({ id: 0, version: 2, name: "c" });
  await registry.transact((transaction) => {
    const passing = addMachine(transaction, "passing");
    return transaction.delete(machines, passing.id);
  });
  const rows = (await rowsOf(store)).filter(({ kind }) => kind === "machine");
  expect(rows).toEqual([{ kind: "machine", key: "0", version: 2, body: JSON.stringify(machine) }]);
});

test("a change made from an older version is refused, as is one of nothing", async () => {
  const { registry } = await house();
  const old = await registry.transact((transaction) => addMachine(transaction, "a"));
  await registry.transact((transaction) => transaction.put(machines, { ...old, name: "b" }));
  await expect(
    registry.transact((transaction) => transaction.put(machines, { ...old, host: 1 })),
  ).rejects.toMatchObject({
    code: "conflict",
    message: "The change of machine 0 was made from version 1, which is no longer the current one (2).",
  });
  await expect(
    registry.transact((transaction) => transaction.put(machines, { id: 5, version: 1, name: "?" })),
  ).rejects.toMatchObject({ code: "not_found" });
  expect(await registry.transact((transaction) => transaction.delete(machines, 5))).toBe(false);
});

test("indexes follow every change, and hold objects under none, one or several keys", async () => {
  const { registry } = await house();
  const collection = registry.collection(machines);
  await registry.transact((transaction) => {
    for (const name of ["a", "b", "c"]) addMachine(transaction, name, { host: 1, tags: ["x", name] });
    addMachine(transaction, "d");
  });
  expect(names(collection.by("host", 1))).toEqual(["a", "b", "c"]);
  expect(names(collection.by("tag", "b"))).toEqual(["b"]);
  await registry.transact((transaction) => {
    transaction.put(machines, { id: 0, version: 1, name: "a", host: 2 });
    transaction.delete(machines, 1);
    expect(names(transaction.by(machines, "host", 1))).toEqual(["c"]);
    expect(names(transaction.by(machines, "tag", "x"))).toEqual(["c"]);
  });
  expect(names(collection.by("host", 1))).toEqual(["c"]);
  expect(names(collection.by("host", 2))).toEqual(["a"]);
  expect(names(collection.by("tag", "x"))).toEqual(["c"]);
  expect(names(collection.by("tag", "b"))).toEqual([]);
  expect(names(collection.by("name", "d"))).toEqual(["d"]);
});

test("effects run once the change is visible, in the order of commits, before anybody who waits goes on", async () => {
  const { registry } = await house();
  const heard: string[] = [];
  const tell = (name: string) =>
    registry
      .transact((transaction) => {
        const { id } = addMachine(transaction, name);
        transaction.after(() => heard.push(`${name} ${registry.collection(machines).has(id)}`));
      })
      .then(() => heard.push(`${name} answered`));
  await Promise.all([tell("a"), tell("b")]);
  expect(heard.filter((line) => line.endsWith("true"))).toEqual(["a true", "b true"]);
  expect(heard.indexOf("a true")).toBeLessThan(heard.indexOf("a answered"));
});

test("a transaction that only reads waits until what it read is durable", async () => {
  const { registry, store } = await house();
  store.failNext();
  const written = registry.transact((transaction) => addMachine(transaction, "a"));
  const read = registry.transact((transaction) => names(transaction.values(machines)));
  await expect(written).rejects.toMatchObject({ code: "unavailable" });
  await expect(read).rejects.toMatchObject({ code: "unavailable" });
  expect(await registry.transact((transaction) => names(transaction.values(machines)))).toEqual([]);
});

test("when the store fails, the newest state is the durable one before anybody who waits goes on", async () => {
  const { registry, store } = await house();
  await registry.transact((transaction) => addMachine(transaction, "kept", { host: 1 }));
  const effects: string[] = [];
  const afterFailure: Promise<string[]>[] = [];
  const retry = () => {
    afterFailure.push(registry.transact((transaction) => names(transaction.by(machines, "host", 1))));
  };
  store.failNext();
  const first = registry.transact((transaction) => {
    addMachine(transaction, "lost", { host: 1 });
    transaction.after(() => effects.push("lost"));
  });
  const second = registry.transact((transaction) => transaction.delete(machines, 0));
  await Promise.all([first.catch(retry), second.catch(retry)]);
  expect(await Promise.all(afterFailure)).toEqual([["kept"], ["kept"]]);
  expect(effects).toEqual([]);

  const { id } = await registry.transact((transaction) => addMachine(transaction, "next"));
  expect(names(registry.collection(machines).values())).toEqual(["kept", "next"]);
  expect((await Registry.open(store, KINDS)).collection(machines).get(id)?.name).toBe("next");
});

test("values come in the order of ids after a restart", async () => {
  const { registry, store } = await house();
  await registry.transact((transaction) => {
    for (let count = 0; count < 12; count++) addMachine(transaction, "x");
  });
  const again = await Registry.open(store, KINDS);
  const ids = [...again.collection(machines).values()].map(({ id }) => id);
  expect(ids).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
});

test.each([
  ["no JSON", { kind: "machine", key: "7", version: 1, body: '{"id":7,"secret":"hush"' }],
  ["no object", { kind: "machine", key: "7", version: 1, body: "null" }],
  ["another key", { kind: "machine", key: "7", version: 1, body: '{"id":8,"version":1}' }],
  ["another version", { kind: "machine", key: "7", version: 1, body: '{"id":7,"version":2}' }],
])("a row with %s is refused by its name, and not quoted", async (_, row) => {
  const error = await house([row]).catch((reason: unknown) => reason);
  expect(error).toMatchObject({
    code: "unavailable",
    message: "The store is damaged: machine 7 is not an object of its kind in version 1.",
  });
  expect(error).not.toHaveProperty("cause");
});

test("rows of kinds that are not its own stay as they are", async () => {
  const foreign = { kind: "series", key: "1", version: 3, body: "[]" };
  const { registry, store } = await house([foreign]);
  await registry.transact((transaction) => addMachine(transaction, "a"));
  expect(await rowsOf(store)).toContainEqual(foreign);
});

test("misuse is refused: nesting, promises, use after the end, unknown kinds and wrong ids", async () => {
  const { registry } = await house();
  const strangers = defineKind<Machine>({ name: "stranger" });
  const escaped = await registry.transact((transaction) => transaction);
  expect(() => escaped.get(machines, 0)).toThrow("after its work had returned");
  expect(() => escaped.after(() => {})).toThrow("after its work had returned");

  const misuses: (() => Promise<unknown>)[] = [
    () => registry.transact((transaction) => transaction.get(strangers, 0)),
    () => registry.transact(async (transaction) => addMachine(transaction, "late")),
    () => registry.transact((transaction) => transaction.insert(machines, () => ({ id: 9, name: "wrong" }))),
    () => Registry.open(memoryStore(), [machines, defineKind<Machine>({ name: "machine" })]),
  ];
  for (const misuse of misuses) await expect(misuse()).rejects.toMatchObject({ code: "internal" });

  let inner: Promise<unknown> | undefined;
  await registry.transact(() => {
    inner = registry.transact(() => 1).catch((error: unknown) => error);
  });
  expect(await inner).toMatchObject({ message: "A transaction was begun inside another one." });
  expect(registry.collection(machines).size).toBe(0);
  await registry.close();
  await expect(registry.transact(() => 1)).rejects.toMatchObject({ code: "unavailable" });
});

test("the types of a kind reach its users", async () => {
  const { registry } = await house();
  expectTypeOf(registry.collection(machines).get).returns.toEqualTypeOf<Machine | undefined>();
  expectTypeOf(registry.collection(leases).get).parameter(0).toEqualTypeOf<`${number}/${number}`>();
  expectTypeOf(registry.collection(machines).by).parameter(0).toEqualTypeOf<"name" | "host" | "tag">();
  // @ts-expect-error an index that was not declared
  expect(() => registry.collection(machines).by("nmae", "a")).toThrow("machine has no index nmae.");
});

type Step =
  | { readonly act: "insert"; readonly host: number }
  | { readonly act: "move"; readonly pick: number; readonly host: number }
  | { readonly act: "delete"; readonly pick: number };

const anyStep: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ act: fc.constant("insert" as const), host: fc.nat(3) }),
  fc.record({ act: fc.constant("move" as const), pick: fc.nat(), host: fc.nat(3) }),
  fc.record({ act: fc.constant("delete" as const), pick: fc.nat() }),
);
/** What the transactions of one turn do, and how the turn ends. */
const anyTurn = fc.record({
  transactions: fc.array(fc.record({ steps: fc.array(anyStep, { maxLength: 5 }), throws: fc.boolean() }), {
    maxLength: 4,
  }),
  diskFull: fc.boolean(),
});

/** Does the steps, checks that the transaction sees what the model has, and returns the model after them. */
function play(transaction: Transaction, steps: readonly Step[], model: ReadonlyMap<number, number>) {
  const next = new Map(model);
  for (const step of steps) {
    const ids = [...next.keys()];
    if (step.act === "insert") {
      next.set(addMachine(transaction, "m", { host: step.host }).id, step.host);
      continue;
    }
    const machine = transaction.get(machines, ids[step.pick % ids.length] ?? -1);
    if (machine === undefined) continue;
    if (step.act === "delete") {
      transaction.delete(machines, machine.id);
      next.delete(machine.id);
    } else {
      transaction.put(machines, { ...machine, host: step.host });
      next.set(machine.id, step.host);
    }
  }
  expectModel(transaction.values(machines), (host) => transaction.by(machines, "host", host), next);
  return next;
}

function expectModel(
  values: Iterable<Machine>,
  onHost: (host: number) => readonly Machine[],
  model: ReadonlyMap<number, number>,
): void {
  expect(new Map(Array.from(values, ({ id, host }) => [id, host]))).toEqual(model);
  for (const host of [0, 1, 2, 3]) {
    const expected = [...model].filter(([, on]) => on === host).map(([id]) => id);
    expect(new Set(onHost(host).map(({ id }) => id))).toEqual(new Set(expected));
  }
}

test("whatever transactions do, throw or lose, memory, readers and store agree with a plain model", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyTurn, { maxLength: 8 }), async (turns) => {
      const { registry, store } = await house();
      let durable: ReadonlyMap<number, number> = new Map();
      for (const { transactions, diskFull } of turns) {
        if (diskFull) store.failNext();
        let newest = durable;
        const done = transactions.map(({ steps, throws }) =>
          registry.transact((transaction) => {
            const next = play(transaction, steps, newest);
            if (throws) throw new Error("second thoughts");
            newest = next;
          }),
        );
        expectModel(
          registry.collection(machines).values(),
          (host) => registry.collection(machines).by("host", host),
          durable,
        );
        const results = await Promise.allSettled(done);
        const lost = results.some((result) => result.status === "rejected" && "code" in result.reason);
        if (!lost) durable = newest;
      }
      for (const view of [registry, await Registry.open(store, KINDS)]) {
        const collection = view.collection(machines);
        expectModel(collection.values(), (host) => collection.by("host", host), durable);
      }
    }),
  );
});

test("two registries over one store keep to their kinds, and are undone together", async () => {
  interface Note {
    readonly version: number;
    readonly name: string;
  }
  const notes = defineKind({ name: "part_note", keyOf: ({ name }: Note) => name });
  const { store, registry } = await house();
  const part = await Registry.openPart(store, "part_", [notes]);
  await registry.transact((transaction) => addMachine(transaction, "web"));
  await part.transact((transaction) => transaction.insertWithId(notes, { name: "one" }));

  store.failNext();
  const outcomes = await Promise.allSettled([
    registry.transact((transaction) => addMachine(transaction, "lost")),
    part.transact((transaction) => transaction.insertWithId(notes, { name: "lost" })),
  ]);
  expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  await registry.transact((transaction) => addMachine(transaction, "db"));
  await part.transact((transaction) => transaction.insertWithId(notes, { name: "two" }));

  const [again, partAgain] = [
    await Registry.open(store, KINDS),
    await Registry.openPart(store, "part_", [notes]),
  ];
  expect([...again.collection(machines).values()].map(({ id, name }) => [id, name])).toEqual([
    [0, "web"],
    [1, "db"],
  ]);
  expect([...partAgain.collection(notes).values()].map(({ name }) => name)).toEqual(["one", "two"]);
});

test("a part takes no kind of another name, and counts no ids", async () => {
  const counted = defineKind<{ id: number; version: number }>({ name: "part_counted" });
  const { store } = await house();
  await expect(Registry.openPart(store, "part_", [machines])).rejects.toThrow("does not begin with part_");
  const part = await Registry.openPart(store, "part_", [counted]);
  await expect(part.transact((transaction) => transaction.nextId(counted))).rejects.toMatchObject({
    code: "internal",
  });
});
