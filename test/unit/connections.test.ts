import { connect, type Socket } from "node:net";
import { afterEach, beforeEach, expect, it } from "vitest";
import { PIPELINING } from "../../gateway/onegate/fairness/connection-times.ts";
import { FakeCloud } from "../support/fake-cloud.ts";
import { manualClock } from "../support/manual-clock.ts";
import { guestHeaders } from "../support/onegate.ts";
import { openSocket, type ServedGate, serveGate, statusesOf } from "../support/served-gate.ts";

/** How many connections a server takes, of one address and in all, and which goes when the house is full. */

let fake: FakeCloud;
let gate: ServedGate;
const sockets: Socket[] = [];

beforeEach(() => {
  fake = new FakeCloud();
  fake.addService(1, { only: [7] });
});

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await gate.close();
});

/** Open from one of this machine's loopback addresses, or closed by the server before it said anything. */
async function open(localAddress = "127.0.0.1"): Promise<Socket> {
  const socket = await openSocket(gate.port, localAddress);
  sockets.push(socket);
  return socket;
}

/** One answer on a connection that stays open; "" when it is closed instead. */
async function ask(socket: Socket, path = "/limits"): Promise<string> {
  const answer = new Promise<string>((resolve) => {
    socket.once("data", (chunk) => resolve(String(chunk))).once("close", () => resolve(""));
  });
  const headers = Object.entries(guestHeaders(fake, 7)).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n${headers.join("")}\r\n`);
  return await answer;
}

async function statusOn(socket: Socket): Promise<number | undefined> {
  return statusesOf(await ask(socket))[0];
}

it("no more of one address than its bound are kept; others still come in", async () => {
  gate = await serveGate(fake, { connections: { max: 100, maxPerAddress: 3 } });
  const kept = [await open(), await open(), await open()];
  expect(await statusOn(await open())).toBeUndefined();
  expect(await statusOn(await open("127.0.0.2"))).toBe(200);
  for (const socket of kept) expect(await statusOn(socket)).toBe(200);
});

it("a connection that was closed leaves its place", async () => {
  gate = await serveGate(fake, { connections: { max: 100, maxPerAddress: 1 } });
  for (let time = 0; time < 5; time += 1) {
    const socket = await open();
    expect(await statusOn(socket)).toBe(200);
    const closed = new Promise((resolve) => socket.once("close", resolve));
    socket.end();
    await closed;
  }
});

it("an address without a bound of its own has as many as the house", async () => {
  const isExempt = (address: string) => address === "127.0.0.3";
  gate = await serveGate(fake, { connections: { max: 100, maxPerAddress: 1, isExempt } });
  const proxied = [await open("127.0.0.3"), await open("127.0.0.3")];
  for (const socket of proxied) expect(await statusOn(socket)).toBe(200);
});

it("in a full house the oldest idle one of the address that has most makes room", async () => {
  gate = await serveGate(fake, { connections: { max: 5, maxPerAddress: 5 } });
  const few = [await open("127.0.0.2"), await open("127.0.0.2")];
  const most = [await open(), await open(), await open()];
  for (const socket of [...few, ...most]) expect(await statusOn(socket)).toBe(200);
  const [oldest, ...others] = most;
  const closed = new Promise((resolve) => oldest?.once("close", resolve));
  const newcomer = await open("127.0.0.4");
  expect(await statusOn(newcomer)).toBe(200);
  await closed;
  for (const socket of [...few, ...others, newcomer]) expect(await statusOn(socket)).toBe(200);
});

it("one with a request under way makes no room", async () => {
  gate = await serveGate(fake, { connections: { max: 2, maxPerAddress: 2 } });
  const busy = [await open(), await open()];
  const headers = Object.entries(guestHeaders(fake, 7)).map(([name, value]) => `${name}: ${value}\r\n`);
  const answers = busy.map(
    (socket) => new Promise<string>((resolve) => socket.once("data", (c) => resolve(String(c)))),
  );
  // The server says 100 once it has begun to read the body.
  for (const socket of busy)
    socket.write(
      `PUT /vm HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n${headers.join("")}\r\n`,
    );
  expect((await Promise.all(answers)).map((answer) => statusesOf(answer)[0])).toEqual([100, 100]);
  expect(await statusOn(await open("127.0.0.2"))).toBeUndefined();
  const done = busy.map(
    (socket) => new Promise<string>((resolve) => socket.once("data", (c) => resolve(String(c)))),
  );
  for (const socket of busy) socket.write("A=1");
  expect((await Promise.all(done)).map((answer) => statusesOf(answer)[0])).toEqual([200, 200]);
});

it("connections from one port, each towards another address of the house, count one by one", async () => {
  gate = await serveGate(fake, { connections: { max: 100, maxPerAddress: 2 }, host: "0.0.0.0" });
  const first = await open();
  const { localPort } = first;
  const others = ["127.0.0.2", "127.0.0.3"].map((host) =>
    connect({ host, port: gate.port, localAddress: "127.0.0.1", localPort }),
  );
  sockets.push(...others);
  for (const socket of others)
    await new Promise((resolve) => socket.once("connect", resolve).once("error", resolve));
  const statuses = await Promise.all([first, ...others].map((socket) => statusOn(socket)));
  expect(statuses.filter((status) => status === 200)).toHaveLength(2);
});

/** So many requests in one piece; what came back until the server closed, or until all are answered. */
async function pipeline(socket: Socket, count: number): Promise<readonly number[]> {
  const headers = Object.entries(guestHeaders(fake, 7)).map(([name, value]) => `${name}: ${value}\r\n`);
  const request = `GET /limits HTTP/1.1\r\nHost: a\r\n${headers.join("")}\r\n`;
  let received = "";
  await new Promise<void>((resolve) => {
    socket.on("data", (chunk) => {
      received += String(chunk);
      if (statusesOf(received).length >= count) resolve();
    });
    socket.once("close", () => resolve());
    socket.write(request.repeat(count));
  });
  return statusesOf(received);
}

it("requests may be sent ahead of their answers, again and again", async () => {
  gate = await serveGate(fake);
  const socket = await open();
  for (let time = 0; time < 4; time += 1) {
    const answers = await pipeline(socket, PIPELINING.maxUnanswered);
    expect(answers).toEqual(Array.from({ length: PIPELINING.maxUnanswered }, () => 200));
    socket.removeAllListeners("data");
  }
});

it("who floods a connection loses all of its own, and comes in again after a while; nobody else notices", async () => {
  const serverClock = manualClock();
  gate = await serveGate(fake, { serverClock });
  const [flooding, idle, neighbour] = [await open(), await open(), await open("127.0.0.2")];
  const cut = new Promise((resolve) => idle.once("close", resolve));
  expect((await pipeline(flooding, 1_000)).length).toBeLessThanOrEqual(PIPELINING.maxUnanswered);
  await cut;
  expect(gate.seen.length).toBeLessThanOrEqual(PIPELINING.maxUnanswered + 1);
  expect(await statusOn(await open())).toBeUndefined();
  expect(await statusOn(neighbour)).toBe(200);
  serverClock.advance(PIPELINING.refusedMs);
  expect(await statusOn(await open())).toBe(200);
});

it("a flood through a proxy costs it that one connection", async () => {
  gate = await serveGate(fake, { connections: { max: 100, maxPerAddress: 9, isExempt: () => true } });
  const [flooding, other] = [await open(), await open()];
  await pipeline(flooding, 1_000);
  expect(await statusOn(other)).toBe(200);
  expect(await statusOn(await open())).toBe(200);
});
