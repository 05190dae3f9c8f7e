/** The text link, and what an agent takes up that was killed between telling and keeping. */

import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { DEFAULT_BOUNDS, Outbox } from "../../agent/host/outbox.ts";
import { spoolFiles } from "../../agent/host/spool-files.ts";
import { makeStateDir } from "../../agent/host/state-dir.ts";
import { withSpooled } from "../../agent/host/states-file.ts";
import { TextLink } from "../../agent/host/text-link.ts";
import { silentLogger } from "../../shared/log.ts";
import type { Message } from "../../shared/monitor/message.ts";
import type { ReportedState, VmStateReading } from "../../shared/monitor/readings.ts";
import { manualClock } from "../support/manual-clock.ts";
import { monitorVm } from "../support/monitor-messages.ts";
import { seededRandom } from "../support/random.ts";
import { type ScriptedDaemon, scriptedDaemon } from "../support/scripted-daemon.ts";

function directory(): string {
  const path = mkdtempSync(join(tmpdir(), "gatehouse-text-"));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

async function rig() {
  const clock = manualClock();
  const daemon: ScriptedDaemon = await scriptedDaemon(clock);
  onTestFinished(() => daemon.close());
  const stateDir = directory();
  const outbox = new Outbox({
    must: spoolFiles(join(stateDir, "must")),
    metrics: spoolFiles(join(stateDir, "metrics")),
    ...{ bounds: DEFAULT_BOUNDS, bootId: 1, lastDelivery: 0, onDropped: () => undefined },
  });
  const link = new TextLink({
    ...{ address: "127.0.0.1", port: daemon.port, publicKey: undefined },
    ...{ outbox, clock, random: () => 0.5, log: silentLogger },
  });
  onTestFinished(() => link.close());
  link.start();
  return { clock, daemon, outbox, link };
}

const vm = (id: number, state: ReportedState = "RUNNING"): VmStateReading => ({
  id,
  deployId: `one-${id}`,
  state,
  more: {},
});

function states(vms: readonly VmStateReading[], delivery?: number): Message {
  const reading = { kind: "states" as const, sync: false, missingState: undefined, vms, more: {} };
  return { type: "STATE_VM", status: "SUCCESS", oid: 3, timestamp: 1_795_000_000, reading, delivery };
}

test("in text, states go over TCP and the rest by datagrams", async () => {
  const { daemon, link } = await rig();
  link.send([states([vm(0)]), monitorVm(seededRandom(1), 20, 3)]);
  const told = await daemon.next(({ message }) => message.type === "STATE_VM");
  expect(told).toMatchObject({ codec: "text", over: "tcp" });
  expect(told.message.reading).toMatchObject({ vms: [{ id: 0, state: "RUNNING" }] });
  const monitor = await daemon.next(({ message }) => message.type === "MONITOR_VM");
  expect(monitor).toMatchObject({ codec: "text", over: "udp" });
});

test("while TCP is refused, states and measurements are spooled, and come in order afterwards", async () => {
  const { clock, daemon, outbox, link } = await rig();
  await daemon.down();
  for (let id = 0; id < 10; id += 1) link.send([states([vm(id)])]);
  await clock.runNext();
  while (link.isReachable) await new Promise((resolve) => setImmediate(resolve));
  link.send([monitorVm(seededRandom(1), 1, 3)]);
  expect(outbox.hasMetrics).toBe(true);
  await daemon.up();
  for (let turns = 0; !outbox.isDelivered || outbox.hasMetrics; turns += 1) {
    await new Promise((resolve) => setImmediate(resolve));
    if (turns % 50 === 0) clock.advance(1000);
  }
  await daemon.next(({ message }) => message.type === "MONITOR_VM");
  const ids = daemon.heard.flatMap(({ message: { reading } }) =>
    reading.kind === "states" ? reading.vms.map(({ id }) => id) : [],
  );
  expect(ids).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

test("states that are in the spool and not yet in the file count as told", () => {
  const kept = { lastDelivery: 5, told: [vm(0), vm(1)] };
  const waiting = [states([vm(1, "UNKNOWN")], 5), states([vm(1, "SUSPENDED"), vm(2)], 6)];
  expect(withSpooled(kept, waiting)).toEqual({
    lastDelivery: 6,
    told: [vm(0), vm(1, "SUSPENDED"), vm(2)],
  });
  expect(withSpooled({ lastDelivery: 0, told: undefined }, [])).toEqual({ lastDelivery: 0, told: undefined });
});

test("a state directory that others may write to is refused", () => {
  const shared = directory();
  chmodSync(shared, 0o1777);
  expect(() => makeStateDir(shared)).toThrow("that nobody else may write to");
  expect(() => makeStateDir(join(directory(), "new"))).not.toThrow();
});
