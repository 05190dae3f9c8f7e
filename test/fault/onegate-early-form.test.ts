import type { Socket } from "node:net";
import { afterEach, beforeEach, expect, it } from "vitest";
import { MAX_EARLY_FORM_BYTES } from "../../gateway/onegate/early-form.ts";
import { FakeCloud } from "../support/fake-cloud.ts";
import { manualClock } from "../support/manual-clock.ts";
import { tokenOf } from "../support/onegate.ts";
import { openSocket, type ServedGate, sendRaw, serveGate, statusesOf } from "../support/served-gate.ts";

/** Strangers who send a form, and have the house wait for an `id` in it. */

let fake: FakeCloud;
let gate: ServedGate;
const sockets: Socket[] = [];

beforeEach(async () => {
  fake = new FakeCloud();
  fake.addService(1, { only: [7] });
  gate = await serveGate(fake);
});

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await gate.close();
});

const head = (length: number, token = "wrong"): string =>
  `PUT /vm HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nX-ONEGATE-TOKEN: ${token}\r\n` +
  `Content-Type: application/x-www-form-urlencoded\r\nContent-Length: ${length}\r\n\r\n`;

/** The statuses of what comes first on a new connection. */
async function answered(bytes: string): Promise<readonly number[]> {
  const socket = await openSocket(gate.port);
  sockets.push(socket);
  const first = new Promise<string>((resolve) => socket.once("data", (chunk) => resolve(String(chunk))));
  socket.write(bytes);
  return statusesOf(await first);
}

it("a form that is longer than an id needs is refused before it is read", async () => {
  const received = await sendRaw(gate.port, head(MAX_EARLY_FORM_BYTES + 1), 2);
  expect(statusesOf(received)).toContain(413);
  expect(received).toContain("name it in the header X-ONEGATE-VMID");
});

it("no more than a few are waited for at a time, and who sends the header never waits for them", async () => {
  const waiting = await Promise.all(Array.from({ length: 256 }, () => answered(head(10))));
  expect(new Set(waiting.flat())).toEqual(new Set([100]));
  const received = await sendRaw(gate.port, head(10), 2);
  expect(statusesOf(received)).toContain(503);
  const right = `X-ONEGATE-TOKEN: ${tokenOf(fake, 7)}\r\nX-ONEGATE-VMID: 7\r\n`;
  expect(statusesOf(await sendRaw(gate.port, `GET /vm HTTP/1.1\r\nHost: a\r\n${right}\r\n`, 1))).toEqual([
    200,
  ]);
  for (const socket of sockets.splice(0)) socket.destroy();
});

it("one that is refused counts for its address, as every request without a right token", async () => {
  await gate.close();
  const settings = { limits: { stranger: { perSecond: 1, burst: 2 } } };
  gate = await serveGate(fake, { settings, clock: manualClock() });
  const form = (length: number) => sendRaw(gate.port, head(length), 2);
  for (let time = 0; time < 2; time += 1) {
    expect(statusesOf(await form(MAX_EARLY_FORM_BYTES + 1))).toContain(413);
  }
  expect(statusesOf(await form(MAX_EARLY_FORM_BYTES + 1))).toContain(429);
});
