import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { setImmediate } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { FrameReader, printFrame } from "../../gateway/cloud/embedded/wire/frame-reader.ts";
import { newLan } from "../../gateway/cloud/embedded/wire/lan.ts";
import { Pace, type Rate } from "../../gateway/cloud/embedded/wire/pace.ts";
import { openWire } from "../../gateway/cloud/embedded/wire/wire.ts";
import { ip4Frame, macOf, placeOf } from "../support/lan-frames.ts";
import { type ManualClock, manualClock } from "../support/manual-clock.ts";

const RATE: Rate = { averageBytesPerS: 1_000, peakBytesPerS: undefined, burstBytes: 2_000 };

/** How long it takes to send so many pieces, each as soon as it may go. */
function timeFor(pieces: number, bytes: number, rate: Rate | undefined): number {
  const clock = manualClock();
  const pace = new Pace(clock, rate);
  const began = clock.elapsed();
  for (let sent = 0; sent < pieces; sent += 1)
    if (pace.holds(bytes, () => {})) clock.advance(clock.untilNext() ?? 0);
  return clock.elapsed() - began;
}

describe("the pace of an interface", () => {
  it("is the average beyond a burst, and no less", () => {
    expect(timeFor(20, 100, RATE)).toBe(0);
    expect(timeFor(120, 100, RATE)).toBe(10_000);
    expect(timeFor(1_000, 1_000_000, undefined)).toBe(0);
  });

  it("is the peak within a burst", () => {
    const rate = { ...RATE, peakBytesPerS: 10_000 };
    expect(timeFor(20, 100, rate)).toBe(190);
    expect(timeFor(120, 100, rate)).toBeGreaterThanOrEqual(10_000);
  });

  it("saves up no more than a burst while nothing is sent", () => {
    const clock = manualClock();
    const pace = new Pace(clock, RATE);
    clock.advance(3_600_000);
    expect(pace.holds(2_000, () => {})).toBe(false);
    expect(pace.holds(1, () => {})).toBe(true);
    expect(clock.untilNext()).toBe(1);
  });

  it("calls nobody any more once it is closed", () => {
    const clock = manualClock();
    const pace = new Pace(clock, RATE);
    pace.holds(5_000, () => expect.unreachable());
    expect(pace.isHolding).toBe(true);
    pace.close();
    clock.advance(60_000);
    expect(clock.waiting()).toBe(0);
  });
});

/** Two guests of a network: what the first says the second hears, over wires with these rates. */
async function pair(clock: ManualClock, rates: { outbound?: Rate; inbound?: Rate }) {
  const folder = mkdtempSync(path.join(tmpdir(), "pace-"));
  const lan = newLan(clock);
  const ends: { close(): void }[] = [];
  const join = async (host: number, own: { inbound: Rate | undefined; outbound: Rate | undefined }) => {
    const socketPath = path.join(folder, `${host}.sock`);
    const server = createServer().listen(socketPath);
    await once(server, "listening");
    const place = placeOf(1, host);
    ends.push(
      server,
      openWire({
        ...{ path: socketPath, clock, lan, place, guestMac: macOf(place.mac), guestIp: 0x0a580000 + host },
        ...{ port: 5030, dhcp: undefined, connect: () => undefined, rates: own },
      }),
    );
    const [socket]: Socket[] = await once(server, "connection");
    return socket;
  };
  const speaker = await join(10, { inbound: undefined, outbound: rates.outbound });
  const hearer = await join(11, { inbound: rates.inbound, outbound: undefined });
  const reader = new FrameReader();
  let heard = 0;
  hearer?.on("data", (bytes) => {
    heard += reader.push(bytes).length;
  });
  const frame = ip4Frame({
    ...{ destinationMac: placeOf(1, 11).mac, sourceMac: placeOf(1, 10).mac },
    ...{ source: 0x0a58000a, destination: 0x0a58000b, payload: Buffer.alloc(966) },
  });
  return {
    say: (count: number) =>
      speaker?.write(Buffer.concat(Array.from({ length: count }, () => printFrame(frame)))),
    heard: () => heard,
    /** Time goes on only while nothing comes without it. */
    async until(count: number) {
      while (heard < count) {
        for (let turn = 0; turn < 20 && heard < count; turn += 1) await setImmediate();
        if (heard < count && clock.waiting() > 0) clock.advance(clock.untilNext() ?? 0);
      }
    },
    close() {
      speaker?.destroy();
      hearer?.destroy();
      for (const end of ends) end.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

describe("a wire with a pace", () => {
  const slow: Rate = { averageBytesPerS: 1_000, peakBytesPerS: undefined, burstBytes: 1_000 };

  it.each(["outbound", "inbound"] as const)("loses nothing, and takes its time: %s", async (direction) => {
    const clock = manualClock();
    const guests = await pair(clock, { [direction]: slow });
    try {
      for (let count = 1; count <= 5; count += 1) {
        guests.say(1);
        await guests.until(count);
      }
      expect(guests.heard()).toBe(5);
      // The fifth waits for what the fourth has taken beyond the burst.
      expect(clock.elapsed()).toBeGreaterThanOrEqual(3_000);
      expect(clock.elapsed()).toBeLessThan(4_500);
    } finally {
      guests.close();
    }
  });

  it("is as quick as its guest without one", async () => {
    const clock = manualClock();
    const guests = await pair(clock, {});
    try {
      guests.say(20);
      await guests.until(20);
      expect(clock.elapsed()).toBeLessThan(100);
    } finally {
      guests.close();
    }
  });
});
