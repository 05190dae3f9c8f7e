import { writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import path from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { gatehouse, type HouseProcess, scratchDirectory, startHouse, stopHouse } from "../support/house.ts";
import { makeWorld } from "../support/world-maker.ts";

/** Senders that never finish: the house waits ten seconds for a head, thirty for a whole request, and cuts them off. */

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
