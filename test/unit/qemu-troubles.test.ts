/** A guest whose disk has no space: tried again by and by, however often its QEMU says so. */

import { describe, expect, it, vi } from "vitest";
import type { QemuGuest } from "../../gateway/cloud/embedded/drivers/qemu-roster.ts";
import { QemuTroubles } from "../../gateway/cloud/embedded/drivers/qemu-troubles.ts";
import { manualClock } from "../support/manual-clock.ts";

const RETRY_MS = 10_000;
const WAIT_MS = 10_000;
const FULL = "there is no space left on this machine";

function guestOf(vmId: number): QemuGuest {
  const ear = { close: () => {} };
  const traffic = { write: async () => {} };
  const process = { pid: 7, startTicks: 7 };
  return {
    vmId,
    process,
    socket: "",
    adopted: false,
    wires: [],
    ear,
    end: undefined,
    hasPanicked: false,
    traffic,
  };
}

function troubled(answer: () => Promise<{ status: string; running: boolean }>) {
  const clock = manualClock();
  const told: string[] = [];
  let knows = true;
  const site = {
    options: { clock, graceMs: 1_000, maxLogBytes: 1_000 },
    roster: { knows: () => knows },
    monitor: {
      runStatus: () => answer(),
      async tell(_guest: unknown, command: unknown) {
        told.push(String(command));
        return [];
      },
    },
  };
  const heard: string[] = [];
  const troubles = new QemuTroubles(site, (_vmId, trouble) => heard.push(trouble));
  return { clock, told, heard, troubles, forget: () => (knows = false) };
}

describe("a guest that waits for a disk", () => {
  it("is let go on once in ten seconds, however many of its requests failed", async () => {
    const { clock, told, troubles } = troubled(async () => ({ status: "io-error", running: false }));
    const guest = guestOf(1);
    for (let round = 1; round <= 3; round += 1) {
      for (let request = 0; request < 64; request += 1) troubles.diskError(guest, FULL);
      expect(clock.waiting()).toBe(1);
      clock.advance(RETRY_MS);
      await vi.waitFor(() => expect(told).toHaveLength(round), WAIT_MS);
    }
    expect(told).toEqual(["cont", "cont", "cont"]);
  });

  it("is tried again when its QEMU did not answer, and not once it is gone", async () => {
    let asked = 0;
    const { clock, told, troubles, forget } = troubled(async () => {
      asked += 1;
      if (asked < 3) throw new Error("The QMP socket did not answer within 10000 ms.");
      return { status: "io-error", running: false };
    });
    troubles.diskError(guestOf(1), FULL);
    for (let round = 0; round < 3; round += 1) {
      await vi.waitFor(() => expect(clock.waiting()).toBe(1), WAIT_MS);
      clock.advance(RETRY_MS);
    }
    await vi.waitFor(() => expect(told).toEqual(["cont"]), WAIT_MS);
    troubles.diskError(guestOf(2), FULL);
    forget();
    clock.advance(RETRY_MS);
    expect(clock.waiting()).toBe(0);
    expect(asked).toBe(3);
  });
});
