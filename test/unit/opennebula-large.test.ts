import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Actor, SYSTEM } from "../../gateway/cloud/actor.ts";
import type { CloudEvent } from "../../gateway/cloud/event.ts";
import { Core } from "../../gateway/cloud/opennebula/core.ts";
import { VMS } from "../../gateway/cloud/opennebula/kinds.ts";
import { PoolLook } from "../../gateway/cloud/opennebula/pool-look.ts";
import { PoolReader } from "../../gateway/cloud/opennebula/pool-reader.ts";
import { SharedReads } from "../../gateway/cloud/opennebula/shared-reads.ts";
import { openShelves } from "../../gateway/cloud/opennebula/shelves.ts";
import { systemClock } from "../../shared/clock.ts";
import { silentLogger } from "../../shared/log.ts";
import { stringOf } from "../../shared/template/types.ts";
import { type LargeCore, startLargeCore } from "../support/large-core.ts";
import { remoteCloud, SERVER } from "../support/opennebula.ts";

/** Old VMs are gone: a large hole is where their ids were, and small ones are between the others. */
const IDS = [
  ...Array.from({ length: 100 }, (_, index) => index * 2),
  ...Array.from({ length: 500 }, (_, index) => 1_000_000 + index),
];
const LOOK = "one.vmpool.infoextended";
const [ALL, MINE] = [-2, -3] as const;
const CUT = { code: "unavailable" };
/** What ends and begins elements only for who overlooks quotes. */
const END_TAGS_IN_QUOTES = '<X b="/>"></X>'.repeat(3);
const BEGIN_TAGS_IN_QUOTES = '<X b=">"/>'.repeat(3);

let large: LargeCore;
const opened: { close(): void | Promise<void> }[] = [];

beforeEach(async () => {
  large = await startLargeCore(IDS, { isSmall: true });
});

afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
  await large.close();
});

/** What is known of VMs, as of a first look; `look` is another one. */
async function watch(maxWindowBytes?: number) {
  const said: object[] = [];
  const log = { ...silentLogger, warn: (what: object) => said.push(what) };
  const core = new Core({
    endpoint: large.endpoint,
    server: SERVER,
    clock: systemClock,
    log: log as typeof silentLogger,
    timeoutMs: 10_000,
  });
  opened.push(core);
  const events: CloudEvent[] = [];
  const { vms } = openShelves({ core, clock: systemClock, cacheMs: 0, tell: (event) => events.push(event) });
  const { sight } = vms;
  const call = { isRanged: true, rest: [-1] } as const;
  const bounds = maxWindowBytes === undefined ? {} : { maxWindowBytes };
  const pool = new PoolLook({
    core,
    kind: VMS,
    sight,
    reader: new PoolReader(core, VMS, sight),
    call,
    ...bounds,
  });
  const look = () =>
    pool.all(async (missing) => {
      for (const id of missing) await vms.refresh(id);
    });
  sight.listen(true);
  await look();
  sight.follow();
  const told = () =>
    events
      .map((event) => ("vm" in event ? `${event.kind} ${event.vm.id} in ${event.vm.state}` : event.kind))
      .toSorted();
  return {
    look,
    told,
    sight,
    said,
    events,
    list: (actor: Actor, flag: number) => pool.list(actor, flag),
    refresh: (id: number) => vms.refresh(id),
  };
}

const windows = () =>
  large.calls.filter(([method]) => method === LOOK).map(([, , from, to]) => [Number(from), Number(to)]);

describe("a look at more VMs than one answer holds", () => {
  it("asks for windows of ids that together hold every id, few in each from the first on", async () => {
    const { sight } = await watch();
    const all = windows();
    expect(all.length).toBeGreaterThan(2);
    expect(all[0]?.[0]).toBe(0);
    for (const [index, [from]] of all.slice(1).entries()) expect(from).toBe((all[index]?.[1] ?? 0) + 1);
    expect(all.at(-1)?.[1]).toBe(-1);
    expect(sight.ids().toSorted((left, right) => left - right)).toEqual(IDS);
  });

  it("tells what changed, what is new and what ended, in whichever window it is, and nothing else", async () => {
    const { look, told, events } = await watch();
    await look();
    expect(told()).toEqual([]);
    large.touch(10);
    large.touch(1_000_450);
    large.end(1_000_003);
    large.add(1_000_500);
    await look();
    await look();
    expect(told()).toEqual([
      "vm_state 1000003 in 6",
      "vm_state 1000500 in 3",
      "vm_updated 10 in 3",
      "vm_updated 1000450 in 3",
    ]);
    const updated = events.find((event) => event.kind === "vm_updated" && event.vm.id === 10);
    expect(updated && "vm" in updated && stringOf(updated.vm.userTemplate, "LOAD")).toBe("1");
  });

  it("that is interrupted says what it saw, and that nothing of the rest is gone", async () => {
    // Else one window would do for all.
    for (const id of [10, 1_000_400]) large.grow(id, 1024 * 1024);
    const { look, told } = await watch();
    large.touch(0);
    large.touch(1_000_490);
    const isLast = ([method, , , to]: readonly string[]) => method === LOOK && to === "-1";
    // A read over a connection that is cut is tried again, once.
    large.cutNext(isLast, 2);
    await expect(look()).rejects.toMatchObject(CUT);
    expect(told()).toEqual(["vm_updated 0 in 3"]);
    await look();
    expect(told()).toEqual(["vm_updated 0 in 3", "vm_updated 1000490 in 3"]);
  });

  it("asks for half of a window whose answer is too large, and again, down to one VM, which hides no other", async () => {
    const { look, told, said } = await watch(150_000);
    large.grow(1_000_100, 150_000);
    large.grow(20, 100_000);
    large.grow(22, 100_000);
    large.touch(1_000_101);
    await look();
    expect(told()).toEqual(["vm_updated 1000101 in 3", "vm_updated 20 in 3", "vm_updated 22 in 3"]);
    expect(said).toEqual([{ kind: "vm", id: 1_000_100, maxBytes: 150_000 }]);
  });

  it("says once of a VM that it is too large, and still sees others end", async () => {
    const { look, told, said } = await watch(150_000);
    large.grow(20, 150_000);
    for (const id of [10, 30, 1_000_499]) large.end(id);
    await look();
    await look();
    expect(told()).toEqual(["vm_state 10 in 6", "vm_state 1000499 in 6", "vm_state 30 in 6"]);
    expect(said).toEqual([{ kind: "vm", id: 20, maxBytes: 150_000 }]);
    large.grow(20, 1);
    await look();
    large.grow(20, 150_000);
    await look();
    expect(said).toHaveLength(2);
  });

  it.each([
    ["is nested too deep", `${"<A>".repeat(70)}${"</A>".repeat(70)}`],
    ["cannot be read", "</LOAD></USER_TEMPLATE><STATE>8</STATE><USER_TEMPLATE><LOAD>"],
    [
      "seems to end, and another to begin",
      `${END_TAGS_IN_QUOTES}<VM><ID>0</ID><UID>0</UID></VM>${BEGIN_TAGS_IN_QUOTES}`,
    ],
    [
      "has a comment in it, and is nested too deep",
      `<!-- > --><?a > ?>${"<A>".repeat(70)}${"</A>".repeat(70)}`,
    ],
  ])("is of all others when one, by what its guest wrote, %s", async (_, xml) => {
    const { look, told } = await watch();
    large.write(10, `]]>${xml}<![CDATA[`);
    for (const id of [0, 8, 12, 1_000_499]) large.touch(id);
    await look();
    await look();
    expect(told().filter((line) => !line.includes(" 10 "))).toEqual([
      "vm_updated 0 in 3",
      "vm_updated 1000499 in 3",
      "vm_updated 12 in 3",
      "vm_updated 8 in 3",
    ]);
  });

  it("sees many that were made since the last, more than an answer holds", async () => {
    const { look, told } = await watch(300_000);
    for (let id = 1_000_500; id < 1_001_000; id += 1) large.add(id);
    await look();
    expect(told()).toHaveLength(500);
  });

  it("hears of hundreds of VMs that ended since the last", async () => {
    const { look, told } = await watch();
    for (const id of IDS) large.end(id);
    await look();
    expect(told()).toEqual(IDS.map((id) => `vm_state ${id} in 6`).toSorted());
  });

  it("sees a change back to what it had seen, although a read in between brought another", async () => {
    const { look, refresh, sight } = await watch();
    const load = () => stringOf(sight.known(10)?.userTemplate ?? {}, "LOAD");
    large.touch(10);
    await refresh(10);
    expect(load()).toBe("1");
    large.touch(10, 0);
    await look();
    expect(load()).toBe("0");
  });
});

describe("a list of more VMs than one answer holds", () => {
  it("is whole for whoever asks, whatever part of them it asks for", async () => {
    const { list } = await watch(150_000);
    const alice = { uid: 2, name: "alice", gid: 1, gids: [1] };
    for (const [actor, flag] of [
      [SYSTEM, ALL],
      [alice, ALL],
      [alice, MINE],
    ] as const) {
      const found = await list(actor, flag);
      expect(found.map(({ id }) => id).toSorted((left, right) => left - right)).toEqual(IDS);
    }
  });
});

describe("reads of one thing by many at a time", () => {
  it("share the one after that which is under way", async () => {
    const cloud = await remoteCloud(large);
    opened.push(cloud);
    const all = await Promise.all(Array.from({ length: 50 }, () => cloud.vms.get(SYSTEM, 0)));
    expect(new Set(all).size).toBe(1);
    expect(large.calls.filter(([method]) => method === "one.vm.info")).toHaveLength(2);
  });

  it("are answered by one that began after they asked", async () => {
    const reads = new SharedReads<number>();
    const begun: ((value: number) => void)[] = [];
    const read = () => new Promise<number>((resolve) => begun.push(resolve));
    const all = [
      reads.run("vm", read),
      reads.run("vm", read),
      reads.run("vm", read),
      reads.run("other", read),
    ];
    expect(begun).toHaveLength(2);
    begun[0]?.(1);
    begun[1]?.(2);
    expect([await all[0], await all[3]]).toEqual([1, 2]);
    expect(begun).toHaveLength(3);
    begun[2]?.(3);
    expect([await all[1], await all[2]]).toEqual([3, 3]);
  });

  it("go on after one that failed", async () => {
    const reads = new SharedReads<number>();
    const failing = reads.run("vm", () => Promise.reject(new Error("away")));
    const next = reads.run("vm", async () => 1);
    await expect(failing).rejects.toThrow("away");
    expect(await next).toBe(1);
    expect(await reads.run("vm", async () => 2)).toBe(2);
  });

  it("ask for several VMs at once, and leave out those that are not there", async () => {
    const cloud = await remoteCloud(large);
    opened.push(cloud);
    const found = await cloud.vms.several(SYSTEM, [2, 3, 4]);
    expect(found.map(({ id }) => id)).toEqual([2, 4]);
    expect(large.calls.map(([method]) => method)).toEqual(["one.vmpool.infoset"]);
  });
});
