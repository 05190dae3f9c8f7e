import type { Socket } from "node:net";
import { afterEach, beforeEach, expect, it } from "vitest";
import { FakeCloud } from "../support/fake-cloud.ts";
import { manualClock } from "../support/manual-clock.ts";
import { guestHeaders } from "../support/onegate.ts";
import { openSocket, type ServedGate, serveGate } from "../support/served-gate.ts";

/**
 * One VM asks far more often than it may, and connections hang half-open, while another VM behind the same address
 * works. On a clock that stands still: what counts is who is answered what (`npm run bench -- fairness` has the times).
 */

const BURST = 50;
const FLOOD = 20 * BURST;
const HEALTHY = 100;
const HANGING = 200;

let fake: FakeCloud;
let gate: ServedGate;
let hanging: Socket[] = [];

beforeEach(async () => {
  fake = new FakeCloud();
  fake.addService(1, { only: [7, 8] });
  const vm = { perSecond: 5, burst: BURST };
  const limits = { vm, vmWrite: vm, address: { perSecond: 100, burst: 4 * BURST } };
  gate = await serveGate(fake, { clock: manualClock(), settings: { limits } });
});

afterEach(async () => {
  for (const socket of hanging) socket.destroy();
  hanging = [];
  await gate.close();
});

async function statusOf(vmId: number): Promise<number> {
  const answer = await fetch(`${gate.url}/vm`, { headers: guestHeaders(fake, vmId) });
  await answer.arrayBuffer();
  return answer.status;
}

/** Heads and bodies that never end, and connections on which nothing is ever said. */
async function hang(): Promise<void> {
  hanging = await Promise.all(Array.from({ length: HANGING }, () => openSocket(gate.port)));
  const head = "PUT /vm HTTP/1.1\r\nHost: a\r\n";
  for (const [index, socket] of hanging.entries()) {
    if (index % 3 === 0) socket.write(`${head}X-Slow: `);
    if (index % 3 === 1) socket.write(`${head}Content-Length: 100\r\n\r\nA`);
  }
}

it("a flood is answered 429 beyond its burst, and its neighbour behind the same address 200 throughout", async () => {
  await hang();
  const flood: number[] = [];
  const healthy: number[] = [];
  const flooder = async () => {
    while (flood.length < FLOOD) flood.push(await statusOf(7));
  };
  const neighbour = async () => {
    for (let asked = 0; asked < HEALTHY; asked += 1) {
      // Its own burst must not be what refuses it: two VMs take turns.
      healthy.push(await statusOf(asked % 2 === 0 ? 8 : 9));
    }
  };
  fake.addService(2, { other: [9] });
  await Promise.all([flooder(), flooder(), flooder(), flooder(), neighbour()]);
  expect(healthy).toEqual(Array(HEALTHY).fill(200));
  expect(flood.filter((status) => status === 200)).toHaveLength(BURST);
  expect(flood.filter((status) => status === 429)).toHaveLength(flood.length - BURST);
});
