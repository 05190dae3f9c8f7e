/** What wires keep between guests and OneGate: bounded for all of them, at the cost of those who do not read. */

import { afterEach, expect, it, vi } from "vitest";
import { HeldBytes } from "../../gateway/cloud/embedded/wire/held-bytes.ts";
import { TCP_FLAG, type TcpSegment } from "../../gateway/cloud/embedded/wire/packets.ts";
import { type ScriptedUpstream, upstream, type WireGuest, wireGuest } from "../support/wire-guest.ts";

const WAIT_MS = 20_000;
const MAX_BYTES = 1024 * 1024;
const HUGE = Buffer.alloc(4 * 1024 * 1024);
const { syn: SYN, ack: ACK, rst: RST } = TCP_FLAG;

let server: ScriptedUpstream | undefined;
const guests: WireGuest[] = [];

afterEach(async () => {
  for (const guest of guests.splice(0)) guest.close();
  await server?.close();
});

/** A connection of the guest's to OneGate, and OneGate's end of it. */
async function open(guest: WireGuest, { port }: ScriptedUpstream, sourcePort: number) {
  if (port === 0) throw new Error("OneGate does not listen.");
  guest.sendTcp({ sourcePort, flags: SYN, sequence: 99, mss: 1_000, window: 0 });
  const answer = await guest.next();
  const mine = { sourcePort, sequence: 100, acknowledgement: (answer.sequence + 1) >>> 0, flags: ACK };
  guest.sendTcp({ ...mine, window: 0 });
  return mine;
}

it("is bounded for all together: who does not read is reset, who reads has the whole answer", async () => {
  const onegate = await upstream();
  server = onegate;
  const held = new HeldBytes(MAX_BYTES);
  const join = () => {
    const guest = wireGuest(onegate.port, { hold: held.join() });
    guests.push(guest);
    return guest;
  };
  const [reader, ...hogs] = [join(), join(), join(), join()];
  const own = await open(reader, onegate, 40_000);
  const source = await onegate.accepted();
  let most = 0;
  for (const hog of hogs)
    for (let count = 0; count < 16; count += 1) {
      await open(hog, onegate, 41_000 + count);
      (await onegate.accepted()).write(HUGE);
      most = Math.max(most, held.bytes);
    }
  const resets = () => hogs.flatMap(({ gate }) => 16 - gate.size).reduce((sum, each) => sum + each, 0);
  await vi.waitFor(() => expect(resets()).toBeGreaterThan(0), WAIT_MS);
  const answer = Buffer.alloc(300_000, "answer");
  const written = new Promise((resolve) => source.write(answer, resolve));
  expect(await read(reader, own, answer.length)).toEqual(answer);
  await written;
  expect(Math.max(most, held.bytes)).toBeLessThanOrEqual(MAX_BYTES);
  expect(reader.gate.size).toBe(1);
  for (const guest of guests) guest.close();
  expect(held.bytes).toBe(0);
});

async function read(guest: WireGuest, mine: Partial<TcpSegment>, length: number): Promise<Buffer> {
  let acknowledgement = mine.acknowledgement ?? 0;
  const parts: Buffer[] = [];
  guest.sendTcp({ ...mine, acknowledgement });
  for (let bytes = 0; bytes < length; ) {
    const { sequence, payload, flags } = await guest.next();
    if ((flags & RST) !== 0) throw new Error(`It was reset after ${bytes} bytes.`);
    if (sequence !== acknowledgement || payload.length === 0) continue;
    parts.push(payload);
    bytes += payload.length;
    acknowledgement = (acknowledgement + payload.length) >>> 0;
    guest.sendTcp({ ...mine, acknowledgement });
  }
  return Buffer.concat(parts);
}

it("is taken from the connection that has most, of the wire that has most", () => {
  const held = new HeldBytes(100);
  const reset: string[] = [];
  const holder = (name: string) => ({ reset: () => reset.push(name) });
  const [one, other] = [held.join(), held.join()];
  const [small, big, alone] = [holder("small"), holder("big"), holder("alone")];
  one.keep(small, 20);
  one.keep(big, 30);
  other.keep(alone, 40);
  other.keep(alone, 45);
  expect([reset, held.bytes]).toEqual([[], 95]);
  other.keep(alone, 49);
  one.keep(small, 22);
  expect([reset, held.bytes]).toEqual([["big"], 71]);
  other.keep(alone, 0);
  one.keep(small, 0);
  expect(held.bytes).toBe(0);
});
