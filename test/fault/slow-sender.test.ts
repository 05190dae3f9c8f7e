import { writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { Hono } from "hono";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { listen } from "../../gateway/main/listen.ts";
import { systemClock } from "../../shared/clock.ts";
import { silentLogger } from "../../shared/log.ts";
import { gatehouse, type HouseProcess, scratchDirectory, startHouse, stopHouse } from "../support/house.ts";
import { manualClock } from "../support/manual-clock.ts";
import { makeWorld } from "../support/world-maker.ts";

/** Senders that never finish: the house waits ten seconds for a head, thirty for a whole request, and cuts them off. */

const WAIT_MS = 10_000;
const scratch = scratchDirectory("slow");
let house: HouseProcess;

let authority: string;

beforeAll(async () => {
  const home = path.join(scratch.path, "home");
  const world = path.join(scratch.path, "world.json");
  writeFileSync(world, JSON.stringify(makeWorld({ vms: 2, perRole: 1 })));
  await gatehouse(["import", world, "--home", home]);
  const token = (await gatehouse(["token", "0", "--home", home])).trim();
  authority = `X-ONEGATE-VMID: 0\r\nX-ONEGATE-TOKEN: ${token}\r\n`;
  house = await startHouse(home, ["--dummy"]);
});

afterAll(async () => {
  await stopHouse(house);
  scratch.remove();
});

/** What the house sends until it closes. */
async function untilClosed(socket: Socket): Promise<string> {
  const chunks: Buffer[] = [];
  socket.on("data", (chunk) => chunks.push(chunk));
  socket.on("error", () => undefined);
  await new Promise((resolve) => socket.once("close", resolve));
  return Buffer.concat(chunks).toString("latin1");
}

function open(): Socket {
  const { hostname, port } = new URL(house.onegate);
  return connect(Number(port), hostname);
}

it.concurrent.each([
  ["a head", "GET /vm HTTP/1.1\r\nHost: a\r\n", "X-Slow"],
  ["a body", "PUT /vm HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n", "\r\nA=1"],
])(
  "a sender that never ends %s is answered 408, and cut",
  { timeout: 90_000 },
  async (_what, head, start) => {
    const socket = open();
    socket.write(head + authority + start);
    expect(await untilClosed(socket)).toMatch(/^HTTP\/1\.1 408 [\s\S]*in time\.$/);
    const answer = await fetch(`${house.onegate}/vm`);
    expect(answer.status).toBe(401);
  },
);

const app = new Hono().get("/", (context) => context.text("here"));
const endpoint = { host: "127.0.0.1", port: 0 };
const options = { name: "onegate", app, endpoint, clock: systemClock, log: silentLogger };
const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/tls/${name}`, import.meta.url));

it.concurrent.each([
  ["nothing", ""],
  ["a part of a ClientHello", "\x16\x03\x01"],
])("a sender of %s of a TLS handshake is cut", { timeout: 90_000 }, async (_what, start) => {
  const tls = { certFile: fixture("good.pem"), keyFile: fixture("key.pem") };
  const listening = await listen({ ...options, tls });
  const socket = connect(listening.port, "127.0.0.1");
  socket.write(start, "latin1");
  expect(await untilClosed(socket)).toBe("");
  await listening.close();
});

it.concurrent("who was refused and never closes loses its connection, once it could read why", async () => {
  const clock = manualClock();
  const listening = await listen({ ...options, clock });
  const socket = connect({ port: listening.port, host: "127.0.0.1", allowHalfOpen: true });
  const ended = new Promise((resolve) => socket.once("end", resolve));
  socket.resume().write("this is no request\r\n\r\n");
  await ended;
  expect(await listening.openConnections()).toBe(1);
  clock.advance(2_000);
  await vi.waitFor(async () => expect(await listening.openConnections()).toBe(0), WAIT_MS);
  socket.destroy();
  await listening.close();
});

it.concurrent.each([
  ["nothing", ""],
  ["a part of a ClientHello", "\x16\x03\x01"],
])(
  "a house that closes gives a sender of %s of a TLS handshake no longer than anybody",
  async (_what, start) => {
    const clock = manualClock();
    const tls = { certFile: fixture("good.pem"), keyFile: fixture("key.pem") };
    const listening = await listen({ ...options, tls, clock });
    const socket = connect(listening.port, "127.0.0.1");
    socket.on("error", () => undefined).write(start, "latin1");
    await vi.waitFor(async () => expect(await listening.openConnections()).toBe(1), WAIT_MS);
    const closing = listening.close();
    clock.advance(5_000);
    await vi.waitFor(async () => expect(await listening.openConnections()).toBe(0), WAIT_MS);
    await closing;
    socket.destroy();
  },
);
