/** TCP peers that stall, dribble, flood, cut and hoard: each loses its own connection, and nobody else waits. */

import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Cut } from "../../gateway/monitor/counts.ts";
import { frameForStream } from "../../shared/monitor/splitter.ts";
import { type ManualClock, manualClock } from "../support/manual-clock.ts";
import {
  eventually,
  type MonitoredCloud,
  monitoredCloud,
  sendDatagrams,
  TestAgent,
  TestConnection,
} from "../support/monitor-daemon.ts";

const PER_ADDRESS = 72;

let clock: ManualClock;
let house: MonitoredCloud;
let agent: TestAgent;
let link: TestConnection;
let peers: Socket[] = [];

beforeEach(async () => {
  clock = manualClock();
  house = await monitoredCloud({
    clock,
    settings: { maxConnectionsPerAddress: PER_ADDRESS, maxWaitingDatagrams: 16 },
  });
  agent = await TestAgent.enrol(house);
  link = await TestConnection.open(house, agent);
  await alive();
});

afterEach(async () => {
  link.close();
  for (const peer of peers) peer.destroy();
  peers = [];
  await house.close();
});

/** The agent's own connection still answers. */
async function alive(): Promise<void> {
  link.send(agent.states({}));
  expect((await link.answer())?.deliveries).toHaveLength(1);
}

async function peer(): Promise<Socket> {
  const socket = connect(house.daemon.address.port, "127.0.0.1");
  socket.on("error", () => undefined);
  await once(socket, "connect");
  peers.push(socket);
  return socket;
}

const cuts = (reason: Cut) => house.daemon.counts.cuts.get(reason) ?? 0;

async function cutFor(socket: Socket, reason: Cut): Promise<void> {
  socket.resume();
  if (!socket.closed) await once(socket, "close");
  expect(cuts(reason)).toBeGreaterThan(0);
  await alive();
}

const length = (bytes: number) => {
  const head = Buffer.alloc(4);
  head.writeUInt32BE(bytes);
  return head;
};

describe("a TCP peer", () => {
  it("that says nothing is cut", async () => {
    const silent = await peer();
    await eventually(() => house.daemon.counts.connections === 2);
    clock.advance(9_000);
    expect(cuts("silent")).toBe(0);
    clock.advance(3_000);
    await cutFor(silent, "silent");
  });

  it("that proved itself may be quiet for long, but not for ever", async () => {
    clock.advance(600_000);
    await alive();
    clock.advance(902_000);
    expect(await link.answer()).toBeUndefined();
    expect(cuts("idle")).toBe(1);
  });

  it("that never ends a message is cut, however it dribbles", async () => {
    const frame = frameForStream(agent.frame());
    await eventually(() => house.daemon.queues().heldBytes === 0);
    link.socket.write(frame.subarray(0, 10));
    // Four of them are the length, which is cut off first.
    await eventually(() => house.daemon.queues().heldBytes === 6);
    for (let step = 0; step < 5; step += 1) {
      clock.advance(5_000);
      link.socket.write(frame.subarray(10 + step, 11 + step));
      await eventually(() => house.daemon.queues().heldBytes === 7 + step);
    }
    clock.advance(8_000);
    expect(await link.answer()).toBeUndefined();
    expect(cuts("stalled")).toBe(1);
    expect(house.daemon.queues().heldBytes).toBe(0);
  });

  it("that sends what is no frame is cut", async () => {
    for (const bytes of [length(0), length(2 ** 23), Buffer.concat([length(5), Buffer.alloc(5)])]) {
      const socket = await peer();
      socket.write(bytes);
      await cutFor(socket, "malformed");
    }
  });

  it("that floods with tiny frames delays nobody, and is cut", async () => {
    const flooder = await peer();
    const tiny = Buffer.concat(Array.from({ length: 200_000 }, () => Buffer.from([0, 0, 0, 1, 1])));
    flooder.write(tiny);
    await alive();
    await cutFor(flooder, "malformed");
  });

  it("that floods with frames of others' keys delays nobody, and only itself", async () => {
    const flooder = await peer();
    const forged = agent.frame();
    forged[forged.length - 1] = (forged.at(-1) ?? 0) ^ 1;
    flooder.write(Buffer.concat(Array.from({ length: 20_000 }, () => frameForStream(forged))));
    await alive();
    await alive();
    flooder.destroy();
    await eventually(() => house.daemon.queues().heldBytes === 0);
  });

  it("that cuts inside a message leaves nothing behind", async () => {
    await eventually(() => house.daemon.queues().heldBytes === 0);
    for (let count = 0; count < 20; count += 1) {
      const socket = await peer();
      socket.write(frameForStream(agent.frame()).subarray(0, 20));
      await eventually(() => house.daemon.queues().heldBytes > 0);
      socket.resetAndDestroy();
      await eventually(() => house.daemon.queues().heldBytes === 0);
    }
    await alive();
    expect(await house.daemon.openConnections()).toBe(1);
  });

  it("that hoards half messages loses the one that holds most, when all hold too much together", async () => {
    const hoarders = await Promise.all(Array.from({ length: 70 }, peer));
    const half = Buffer.concat([length(1_000_000), Buffer.alloc(999_000)]);
    for (const socket of hoarders) socket.write(half);
    await eventually(() => cuts("held_bytes") > 0);
    await alive();
    expect(house.daemon.queues().heldBytes).toBeLessThan(65 * 1_024 * 1_024);
    expect(await house.daemon.openConnections()).toBeGreaterThan(60);
  });

  it("beyond its address's share is turned away", async () => {
    await Promise.all(Array.from({ length: PER_ADDRESS }, peer));
    await eventually(() => cuts("too_many") === 1);
    await alive();
  });

  it("that asks for renewal without end is cut", async () => {
    const old = agent.frame();
    agent.renew();
    link.send(agent.states({}));
    await link.answer();
    const attacker = await peer();
    attacker.write(Buffer.concat(Array.from({ length: 10 }, () => frameForStream(old))));
    await cutFor(attacker, "malformed");
    expect(house.daemon.counts.renewals).toBeLessThan(7);
  });
});

describe("datagrams", () => {
  it("beyond what may wait are dropped and counted, and what is acknowledged goes on", async () => {
    const frames = Array.from({ length: 500 }, () =>
      agent.frame(agent.message("BEACON_HOST", { kind: "beacon" })),
    );
    const { counts } = house.daemon;
    await sendDatagrams(house.daemon, frames);
    await alive();
    await eventually(() => house.daemon.queues().datagrams === 0);
    const dropped =
      (counts.refusals.get("address_queue_full") ?? 0) + (counts.refusals.get("queue_full") ?? 0);
    expect((counts.messages.get("BEACON_HOST") ?? 0) + dropped).toBe(counts.datagrams);
  });
});
