/** The sealed link against a scripted daemon on the loopback, under a clock that the test moves. */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { BootIds } from "../../agent/host/boot-ids.ts";
import { DEFAULT_BOUNDS, Outbox, type OutboxBounds } from "../../agent/host/outbox.ts";
import { SealedLink } from "../../agent/host/sealed-link.ts";
import { spoolFiles } from "../../agent/host/spool-files.ts";
import { silentLogger } from "../../shared/log.ts";
import { agentChannel } from "../../shared/monitor/keys.ts";
import type { Message } from "../../shared/monitor/message.ts";
import { type ManualClock, manualClock } from "../support/manual-clock.ts";
import { monitorVm } from "../support/monitor-messages.ts";
import { seededRandom } from "../support/random.ts";
import { type ScriptedDaemon, scriptedDaemon } from "../support/scripted-daemon.ts";

function directory(): string {
  const path = mkdtempSync(join(tmpdir(), "gatehouse-link-"));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

interface Rig {
  readonly clock: ManualClock;
  readonly daemon: ScriptedDaemon;
  readonly stateDir: string;
  readonly dropped: { must: number; metrics: number };
  /** A link as a start of the agent makes it, over what earlier ones left. */
  link(): { readonly link: SealedLink; readonly outbox: Outbox };
}

async function rig(bounds: OutboxBounds = DEFAULT_BOUNDS): Promise<Rig> {
  const clock = manualClock(1_795_000_000_000);
  const daemon = await scriptedDaemon(clock);
  onTestFinished(() => daemon.close());
  const stateDir = directory();
  const dropped = { must: 0, metrics: 0 };
  return {
    clock,
    daemon,
    stateDir,
    dropped,
    link() {
      const bootIds = new BootIds(stateDir, clock);
      const bootId = bootIds.take();
      const outbox = new Outbox({
        must: spoolFiles(join(stateDir, "must")),
        metrics: spoolFiles(join(stateDir, "metrics")),
        bounds,
        bootId,
        lastDelivery: 0,
        onDropped: (what, records) => {
          dropped[what] += records;
        },
      });
      const link = new SealedLink({
        channel: agentChannel(daemon.agent, daemon.daemon.publicKey),
        ...{ address: "127.0.0.1", port: daemon.port, hostId: 3 },
        ...{ outbox, bootIds, bootId, clock, random: () => 0.5, log: silentLogger },
      });
      onTestFinished(() => link.close());
      return { link, outbox };
    },
  };
}

function states(deployId: string): Message {
  const vms = [{ id: 0, deployId, state: "RUNNING" as const, more: {} }];
  const reading = { kind: "states" as const, sync: false, missingState: undefined, vms, more: {} };
  return { type: "STATE_VM", status: "SUCCESS", oid: 3, timestamp: 1_795_000_000, reading };
}

const changesOf = (messages: readonly Message[]): string[] =>
  messages.flatMap(({ reading }) =>
    reading.kind === "states" ? reading.vms.map(({ deployId }) => deployId) : [],
  );

const names = (count: number): string[] => Array.from({ length: count }, (_, index) => `change-${index}`);

/** Moves time on until it holds, a second each time that the daemon has had the chance to hear. */
async function movingUntil({ clock }: Rig, holds: () => boolean): Promise<void> {
  for (let turns = 0; !holds(); turns += 1) {
    await new Promise((resolve) => setImmediate(resolve));
    if (turns % 20 === 0) clock.advance(1000);
  }
}

test("what must arrive goes over TCP with rising numbers, the rest by datagrams", async () => {
  const all = await rig();
  const { link } = all.link();
  link.start();
  await all.daemon.next(({ message }) => message.type === "BEACON_HOST");
  for (const name of names(3)) link.send([states(name)]);
  link.send([monitorVm(seededRandom(1), 20, 3)]);
  const monitor = await all.daemon.next(({ message }) => message.type === "MONITOR_VM");
  expect(monitor.over).toBe("udp");
  await all.daemon.until(() => all.daemon.applied.length === 3);
  expect(changesOf(all.daemon.applied)).toEqual(names(3));
  expect(all.daemon.refused).toEqual([]);
});

test("a message that fits no datagram goes over TCP", async () => {
  const all = await rig();
  const { link } = all.link();
  link.start();
  await all.daemon.next(({ message }) => message.type === "BEACON_HOST");
  link.send([monitorVm(seededRandom(1), 400, 3)]);
  expect((await all.daemon.next(({ message }) => message.type === "MONITOR_VM")).over).toBe("tcp");
});

test("a daemon down for an hour loses no state change and no measurement, and hears changes first", async () => {
  const all = await rig();
  await all.daemon.down();
  const { link, outbox } = all.link();
  link.start();
  for (let second = 0; second < 3600; second += 5) {
    link.send([states(`change-${second / 5}`)]);
    if (second % 30 === 0) link.send([monitorVm(seededRandom(second), 20, 3)]);
    all.clock.advance(5000);
    if (second % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  expect(link.isReachable).toBe(false);
  await all.daemon.up();
  const metrics = () => all.daemon.heard.filter(({ message }) => message.type === "MONITOR_VM");
  await movingUntil(all, () => metrics().length === 120 && outbox.isDelivered);
  expect(changesOf(all.daemon.applied)).toEqual(names(720));
  expect(all.dropped).toEqual({ must: 0, metrics: 0 });
  const order = all.daemon.heard.map(({ message }) => message.type);
  expect(order.indexOf("MONITOR_VM")).toBeGreaterThan(order.lastIndexOf("STATE_VM"));
});

test("measurements from the spool come a few at a time", async () => {
  const all = await rig();
  await all.daemon.down();
  const { link, outbox } = all.link();
  link.start();
  for (let count = 0; count < 100; count += 1) link.send([monitorVm(seededRandom(count), 1, 3)]);
  await all.daemon.up();
  const metrics = () => all.daemon.heard.filter(({ message }) => message.type === "MONITOR_VM").length;
  await movingUntil(all, () => metrics() > 0);
  const startedMs = all.clock.elapsed();
  expect(metrics()).toBeLessThanOrEqual(16);
  await movingUntil(all, () => metrics() === 100);
  expect(all.clock.elapsed() - startedMs).toBeGreaterThanOrEqual(5000);
  expect(outbox.hasMetrics).toBe(false);
});

test("of measurements beyond the spool's bound the newest are kept; state changes have a bound of their own", async () => {
  const all = await rig({ mustBytes: 1_000_000, metricBytes: 100_000 });
  await all.daemon.down();
  const { link, outbox } = all.link();
  link.start();
  for (let count = 0; count < 500; count += 1)
    link.send([states(`change-${count}`), monitorVm(seededRandom(count), 20, 3, 1_795_000_000 + count)]);
  expect(all.dropped.must).toBe(0);
  expect(all.dropped.metrics).toBeGreaterThan(0);
  await all.daemon.up();
  await movingUntil(all, () => outbox.isDelivered && !outbox.hasMetrics);
  await movingUntil(all, () => all.daemon.heard.some(({ message }) => message.timestamp === 1_795_000_499));
  expect(changesOf(all.daemon.applied)).toEqual(names(500));
});

test("what is not acknowledged is sent again, with the same number", async () => {
  const all = await rig();
  all.daemon.answer = "nothing";
  const { link } = all.link();
  link.start();
  link.send([states("change-0")]);
  const first = await all.daemon.next(({ message }) => message.type === "STATE_VM");
  all.daemon.answer = "acknowledge";
  await movingUntil(all, () => all.daemon.applied.length === 1);
  expect(all.daemon.applied[0]?.delivery).toBe(first.message.delivery);
});

test("a daemon that acknowledges nothing is left, and measurements are spooled until it does again", async () => {
  const all = await rig();
  all.daemon.answer = "nothing";
  const { link, outbox } = all.link();
  link.start();
  await all.daemon.next(({ message }) => message.type === "BEACON_HOST");
  link.send([states("change-0")]);
  await movingUntil(all, () => all.daemon.connections > 1);
  link.send([monitorVm(seededRandom(1), 1, 3)]);
  expect(link.isReachable).toBe(false);
  expect(outbox.hasMetrics).toBe(true);
  all.daemon.answer = "acknowledge";
  await movingUntil(all, () => outbox.isDelivered && !outbox.hasMetrics);
});

test("asked to renew, it takes a higher boot, and what was under way comes again under it", async () => {
  const all = await rig();
  all.daemon.answer = "renew";
  const { link } = all.link();
  link.start();
  link.send([states("change-0")]);
  await all.daemon.until(() => all.daemon.applied.length === 1);
  const [first, second] = all.daemon.heard.filter(({ message }) => message.type === "STATE_VM");
  expect(second?.bootId).toBeGreaterThan(first?.bootId ?? 0);
  expect(second?.message.delivery).toBe(first?.message.delivery);
  expect(all.daemon.connections).toBe(1);
});

test("each connection has a boot of its own", async () => {
  const all = await rig();
  const { link } = all.link();
  link.start();
  const hello = await all.daemon.next(({ message }) => message.type === "BEACON_HOST");
  all.daemon.cut();
  await movingUntil(all, () => all.daemon.heard.some(({ bootId }) => bootId > hello.bootId));
  expect(link.isReachable).toBe(true);
});

test("an agent that was killed goes on with what was under way, and gives no number twice", async () => {
  const all = await rig();
  all.daemon.answer = "nothing";
  const killed = all.link();
  killed.link.start();
  for (const name of names(5)) killed.link.send([states(name)]);
  await all.daemon.until(
    () => all.daemon.heard.filter(({ message }) => message.type === "STATE_VM").length === 5,
  );
  killed.link.close();
  all.daemon.answer = "acknowledge";
  const { link } = all.link();
  link.start();
  link.send([states("change-5")]);
  await movingUntil(all, () => all.daemon.applied.length === 6);
  expect(changesOf(all.daemon.applied)).toEqual(names(6));
  const numbers = all.daemon.applied.map(({ delivery }) => delivery);
  expect(new Set(numbers).size).toBe(6);
});

test("who has not the daemon's key can open nothing, and nothing counts as delivered", async () => {
  const all = await rig();
  const forger = await scriptedDaemon(all.clock);
  onTestFinished(() => forger.close());
  const { outbox } = all.link();
  const bootIds = new BootIds(all.stateDir, all.clock);
  const link = new SealedLink({
    channel: agentChannel(all.daemon.agent, all.daemon.daemon.publicKey),
    ...{ address: "127.0.0.1", port: forger.port, hostId: 3 },
    ...{ outbox, bootIds, bootId: bootIds.take(), clock: all.clock, random: () => 0.5, log: silentLogger },
  });
  onTestFinished(() => link.close());
  link.start();
  link.send([states("change-0")]);
  await movingUntil(all, () => forger.refused.length > 0);
  expect(forger.refused[0]).toBe("wrong_key");
  expect(outbox.isDelivered).toBe(false);
});
