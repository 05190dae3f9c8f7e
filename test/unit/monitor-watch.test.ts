import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { AgentStarter } from "../../gateway/monitor/starter.ts";
import {
  heardWatch,
  newWatch,
  onWatchEvent,
  onWatchTimer,
  RESTART_MS,
  WATCH_EVENTS,
  WATCH_PHASES,
  type Watch,
  watchRows,
} from "../../gateway/monitor/watch.ts";
import { HostWatcher } from "../../gateway/monitor/watcher.ts";
import { silentLogger } from "../../shared/log.ts";
import { HOST_STATE } from "../../shared/states/host.ts";
import { manualClock } from "../support/manual-clock.ts";
import { scriptedHosts } from "../support/scripted-hosts.ts";

const INTERVAL_MS = 180_000;
const TIMER_MS = 15_000;

describe("the table of watching", () => {
  it("does what its rows say, and nothing for what they do not name", () => {
    const rows = watchRows();
    expect(rows).toEqual([
      ["unstarted", "heard", "heard", ""],
      ["unstarted", "rested", "starting", "start"],
      ["starting", "heard", "heard", ""],
      ["starting", "rested", "failed", "fail, start"],
      ["starting", "start_failed", "failed", "fail"],
      ["heard", "quiet", "silent", ""],
      ["silent", "heard", "heard", ""],
      ["silent", "rested", "starting", "start"],
      ["silent", "start_failed", "failed", "fail"],
      ["failed", "heard", "heard", ""],
      ["failed", "rested", "failed", "start"],
      ["failed", "start_failed", "failed", "fail"],
    ]);
    for (const phase of WATCH_PHASES) {
      for (const event of WATCH_EVENTS) {
        const row = rows.find(([from, on]) => from === phase && on === event);
        const { watch, effects } = onWatchEvent({ phase, heardAt: undefined, startedAt: 0 }, event, 7);
        expect([watch.phase, effects.join(", ")]).toEqual(row === undefined ? [phase, ""] : [row[2], row[3]]);
      }
    }
  });

  it("stands in docs/monitoring.md as it is", () => {
    const text = readFileSync(new URL("../../docs/monitoring.md", import.meta.url), "utf8");
    const table = text.slice(text.indexOf("<!-- watch:")).split("\n\n")[1] ?? "";
    const rows = table.split("\n").slice(2);
    const cells = rows.map((row) =>
      row
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
    expect(cells).toEqual(watchRows());
  });

  it("starts a silent host's agent again at once, but never twice within the time a start is given", () => {
    const started = onWatchTimer(newWatch(), 0, INTERVAL_MS);
    expect(started.effects).toEqual(["start"]);
    const heard = onWatchEvent(started.watch, "heard", 1_000).watch;
    const silent = onWatchTimer(heard, 1_000 + INTERVAL_MS, INTERVAL_MS);
    expect(silent).toMatchObject({ watch: { phase: "silent" }, effects: [] });
    const again = onWatchTimer(silent.watch, RESTART_MS, INTERVAL_MS);
    expect(again).toMatchObject({ watch: { phase: "starting", startedAt: RESTART_MS }, effects: ["start"] });
    expect(onWatchTimer(again.watch, 2 * RESTART_MS - 1, INTERVAL_MS).effects).toEqual([]);
    expect(onWatchTimer(again.watch, 2 * RESTART_MS, INTERVAL_MS).effects).toEqual(["fail", "start"]);
  });

  it("finds a host silent and starts it in one look when its last start is long ago", () => {
    const watch: Watch = { ...heardWatch(RESTART_MS), startedAt: 0 };
    const found = onWatchTimer(watch, RESTART_MS + INTERVAL_MS, INTERVAL_MS);
    expect(found).toMatchObject({ watch: { phase: "starting" }, effects: ["start"] });
  });
});

/** Hosts whose im_mad is "ours" have an agent that is started. */
function watched(options: { readonly standing?: ReadonlySet<number>; readonly busy?: Promise<void> } = {}) {
  const clock = manualClock();
  const cloud = scriptedHosts();
  const heardAt = new Map<number, number>();
  const started: number[] = [];
  const stopped: number[] = [];
  let refusal: string | undefined;
  const starter: AgentStarter = {
    name: "local",
    async start(host) {
      started.push(host.id);
      await options.busy;
      if (refusal !== undefined) throw new Error(refusal);
    },
    async stop(host) {
      stopped.push(host.id);
    },
    close: async () => undefined,
  };
  const watcher = new HostWatcher({
    cloud,
    clock,
    log: silentLogger,
    timerMs: TIMER_MS,
    intervalMs: INTERVAL_MS,
    starterFor: (host) => (host.imMad === "ours" ? starter : undefined),
    lastHeard: (hostId) => heardAt.get(hostId),
    isStanding: (hostId) => options.standing?.has(hostId) ?? false,
  });
  return {
    cloud,
    watcher,
    started,
    stopped,
    refuse: (text: string | undefined) => {
      refusal = text;
    },
    hear: (hostId: number) => heardAt.set(hostId, clock.elapsed()),
    /** Looks of the timer, until so much time has passed. */
    async pass(ms: number): Promise<void> {
      for (let passed = 0; passed < ms; passed += TIMER_MS) {
        await clock.runNext();
        await settled();
      }
    },
  };
}

async function settled(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

describe("the watcher", () => {
  it("starts the agents of its hosts, and leaves those of an imported world alone for ever", async () => {
    const { cloud, watcher, started, pass } = watched();
    cloud.add({ id: 0, imMad: "ours" });
    for (let id = 1; id <= 1_000; id += 1) cloud.add({ id, imMad: "kvm" });
    await watcher.start();
    await pass(1_200_000);
    expect(new Set(started)).toEqual(new Set([0]));
    expect(cloud.failed.map(({ hostId }) => hostId)).toEqual([0]);
    expect(watcher.standingOf(1)).toBeUndefined();
  });

  it("leaves a host alone whose start is still under way, and gives it its time from then on", async () => {
    const busy = Promise.withResolvers<void>();
    const { cloud, watcher, started, pass } = watched({ busy: busy.promise });
    cloud.add({ id: 0, imMad: "ours" });
    await watcher.start();
    await pass(1_200_000);
    expect([started, cloud.failed]).toEqual([[0], []]);
    busy.resolve();
    await settled();
    await pass(RESTART_MS - TIMER_MS);
    expect([started, cloud.failed]).toEqual([[0], []]);
    await pass(2 * TIMER_MS);
    expect([started, cloud.failed.map(({ hostId }) => hostId)]).toEqual([[0, 0], [0]]);
  });

  it("tells the cloud of a host that stays silent after its agent was started again, once, and goes on trying", async () => {
    const { cloud, watcher, started, hear, pass } = watched();
    cloud.add({ id: 0, imMad: "ours" });
    await watcher.start();
    await pass(TIMER_MS);
    hear(0);
    await pass(TIMER_MS);
    expect(watcher.standingOf(0)).toMatchObject({ phase: "heard", starter: "local" });
    await pass(RESTART_MS);
    expect(started).toEqual([0, 0]);
    expect(cloud.failed).toEqual([]);
    await pass(RESTART_MS + TIMER_MS);
    expect(cloud.failed).toEqual([
      { hostId: 0, reason: expect.stringMatching(/^nothing was heard from it for \d+ s$/) },
    ]);
    await pass(2 * RESTART_MS);
    expect(started).toHaveLength(5);
    expect(cloud.failed).toHaveLength(1);
    hear(0);
    await pass(TIMER_MS);
    expect(watcher.standingOf(0)).toMatchObject({ phase: "heard", reason: undefined });
  });

  it("tells at once why an agent cannot be started, and again only when the reason is another", async () => {
    const { cloud, watcher, refuse, pass } = watched();
    cloud.add({ id: 0, imMad: "ours" });
    refuse("there is no such program");
    await watcher.start();
    await settled();
    expect(cloud.failed).toEqual([{ hostId: 0, reason: "there is no such program" }]);
    await pass(RESTART_MS);
    expect(cloud.failed).toHaveLength(1);
    refuse("it may not be run");
    await pass(RESTART_MS);
    expect(cloud.failed.map(({ reason }) => reason)).toEqual([
      "there is no such program",
      "it may not be run",
    ]);
  });

  it("tells of many hosts that fail together a few at a time, and of none that was heard meanwhile", async () => {
    const { cloud, watcher, refuse, hear, pass } = watched();
    const { hostFailed } = cloud.monitoring;
    const gate = Promise.withResolvers<void>();
    let underWay = 0;
    let most = 0;
    cloud.monitoring.hostFailed = async (hostId, reason) => {
      underWay += 1;
      most = Math.max(most, underWay);
      await gate.promise;
      await hostFailed(hostId, reason);
      underWay -= 1;
    };
    for (let id = 0; id < 100; id += 1) cloud.add({ id, imMad: "ours" });
    refuse("no");
    await watcher.start();
    await pass(TIMER_MS);
    hear(99);
    gate.resolve();
    await settled();
    expect(most).toBe(32);
    expect(cloud.failed.map(({ hostId }) => hostId)).toEqual(Array.from({ length: 99 }, (_, id) => id));
  });

  it("starts a failed host's agent at once when somebody enables it", async () => {
    const { cloud, watcher, started, refuse, pass } = watched();
    cloud.add({ id: 0, imMad: "ours" });
    refuse("no");
    await watcher.start();
    await settled();
    refuse(undefined);
    cloud.change(0, { state: HOST_STATE.MONITORED });
    await pass(TIMER_MS);
    expect(started).toEqual([0, 0]);
    expect(watcher.standingOf(0)).toMatchObject({ phase: "starting", reason: undefined });
  });

  it("follows hosts that appear, go offline, come back, are disabled and vanish", async () => {
    const { cloud, watcher, started, stopped, pass } = watched();
    await watcher.start();
    cloud.add({ id: 4, imMad: "ours" });
    expect(started).toEqual([4]);
    cloud.change(4, { state: HOST_STATE.DISABLED });
    expect(stopped).toEqual([]);
    cloud.change(4, { state: HOST_STATE.OFFLINE });
    expect(stopped).toEqual([4]);
    await pass(2 * RESTART_MS);
    expect(cloud.failed).toEqual([]);
    cloud.change(4, { state: HOST_STATE.MONITORED });
    expect(started).toEqual([4, 4]);
    cloud.change(4, { imMad: "kvm" });
    expect(stopped).toEqual([4, 4]);
    cloud.change(4, { imMad: "ours" });
    cloud.remove(4);
    await pass(TIMER_MS);
    expect(stopped).toEqual([4, 4, 4]);
    expect(watcher.standingOf(4)).toBeUndefined();
  });

  it("gives an agent that stands alone the interval, then says where to look", async () => {
    const { cloud, watcher, started, hear, pass } = watched({ standing: new Set([3]) });
    cloud.add({ id: 3, imMad: "ours" });
    await watcher.start();
    await pass(INTERVAL_MS - TIMER_MS);
    expect(cloud.failed).toEqual([]);
    await pass(2 * TIMER_MS);
    expect(cloud.failed).toEqual([
      { hostId: 3, reason: expect.stringContaining("started on the host itself") },
    ]);
    hear(3);
    await pass(TIMER_MS);
    expect(watcher.standingOf(3)?.phase).toBe("heard");
    cloud.change(3, { state: HOST_STATE.MONITORED });
    await pass(INTERVAL_MS + TIMER_MS);
    expect(cloud.failed).toHaveLength(2);
    expect(started).toEqual([]);
  });

  it("expects a host that was heard once, whoever started its agent, to go on being heard", async () => {
    const { cloud, watcher, hear, pass } = watched();
    cloud.add({ id: 9, imMad: "kvm" });
    await watcher.start();
    await pass(INTERVAL_MS);
    hear(9);
    await pass(INTERVAL_MS + 2 * TIMER_MS);
    expect(cloud.failed.map(({ hostId }) => hostId)).toEqual([9]);
  });
});
