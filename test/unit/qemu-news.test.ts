/** What a QEMU tells by itself: read from a socket that says anything, and told no more often than anybody cares to hear. */

import { afterEach, describe, expect, it, vi } from "vitest";
import { Often } from "../../gateway/cloud/embedded/drivers/often.ts";
import { listenToQemu, type News } from "../../gateway/cloud/embedded/drivers/qemu-news.ts";
import { systemClock } from "../../shared/clock.ts";
import { manualClock } from "../support/manual-clock.ts";
import { answers, type QmpServer, qmpServer } from "../support/qmp-server.ts";

const WAIT_MS = 10_000;
let server: QmpServer | undefined;
let ear: { close(): void } | undefined;

afterEach(async () => {
  ear?.close();
  await server?.close();
});

const event = (name: string, data: unknown) =>
  JSON.stringify({ event: name, data, timestamp: { seconds: 1, microseconds: 2 } });

/** What is heard of a QEMU that fares so, and then says these lines. */
async function heardOf(status: string, lines: readonly string[]): Promise<readonly News[]> {
  const heard: News[] = [];
  const isUp = { status, running: status === "running" };
  const qmp = answers({ "query-status": isUp });
  server = await qmpServer({
    reply(command, _id, socket) {
      // The driver's words have no ids, as nothing waits for one answer of them.
      if (command === "query-status")
        socket.write([{ return: isUp }].map((each) => `${JSON.stringify(each)}\n`).join(""));
      else socket.write(qmp.reply?.(command, 0, socket) ?? "");
      if (command !== "query-status") return undefined;
      return `${[...lines, event("RESET", { guest: true, reason: "guest-reset" })].join("\n")}\n`;
    },
  });
  ear = listenToQemu({ path: server.path, clock: systemClock, hear: (news) => heard.push(news) });
  await vi.waitFor(() => expect(heard.at(-1)).toEqual({ kind: "reset" }), WAIT_MS);
  return heard.slice(0, -1);
}

describe("what a QEMU tells", () => {
  it("is that its guest's kernel panicked, also before somebody listened", async () => {
    const panic = event("GUEST_PANICKED", { action: "pause", info: { type: "hyper-v" } });
    expect(await heardOf("running", [panic])).toEqual([{ kind: "panicked" }]);
    ear?.close();
    await server?.close();
    expect(await heardOf("guest-panicked", [])).toEqual([{ kind: "panicked" }]);
  });

  it("is that its guest waits for a disk, also when that was before somebody listened", async () => {
    const reason = "there is no space left on this machine";
    expect(await heardOf("io-error", [])).toEqual([{ kind: "disk-error", reason }]);
  });

  it("is read a hundred lines a second at most, since a guest has some of them in its hand", async () => {
    let visits = 0;
    const clock = manualClock();
    const heard: News[] = [];
    server = await qmpServer({
      reply(command) {
        if (command !== "query-status") return undefined;
        visits += 1;
        return `${event("RESET", { guest: true, reason: "guest-reset" })}\n`.repeat(5_000);
      },
    });
    ear = listenToQemu({ path: server.path, clock, hear: (news) => heard.push(news) });
    await server.left;
    expect(heard.length).toBeLessThanOrEqual(100);
    expect(visits).toBe(1);
    await clock.runNext();
    await vi.waitFor(() => expect(visits).toBe(2), WAIT_MS);
  });

  it("is that its guest waits for a disk, and not that a disk reports an error to the guest", async () => {
    const full = { device: "", "node-name": "disk0", operation: "write", nospace: true, reason: "No space" };
    const broken = { ...full, nospace: false, reason: `x${"y".repeat(500)}` };
    const heard = await heardOf("running", [
      event("BLOCK_IO_ERROR", { ...full, action: "stop" }),
      event("BLOCK_IO_ERROR", { ...broken, action: "stop" }),
      event("BLOCK_IO_ERROR", { ...broken, action: "report" }),
    ]);
    expect(heard).toEqual([
      { kind: "disk-error", reason: "there is no space left on this machine" },
      { kind: "disk-error", reason: `x${"y".repeat(99)}` },
    ]);
  });

  it("is not what the house itself had it do, nor anything unknown", async () => {
    const heard = await heardOf("paused", [
      event("RESET", { guest: false, reason: "host-qmp-system-reset" }),
      event("RTC_CHANGE", { offset: 1 }),
      "[]",
      "null",
      '"RESET"',
    ]);
    expect(heard).toEqual([]);
  });

  it("is lost while it says too much, and heard again afterwards", async () => {
    let visits = 0;
    const heard: News[] = [];
    server = await qmpServer({
      reply(command) {
        if (command !== "query-status") return undefined;
        visits += 1;
        if (visits === 1) return "not JSON\n".repeat(3);
        return `${event("GUEST_PANICKED", { action: "pause" })}\n`;
      },
    });
    ear = listenToQemu({ path: server.path, clock: systemClock, hear: (news) => heard.push(news) });
    await vi.waitFor(() => expect(heard).toEqual([{ kind: "panicked" }]), WAIT_MS);
    expect(visits).toBe(2);
  });
});

describe("often", () => {
  it("is so many times within so long, and then counts anew", () => {
    const steady = new Often(3, 100);
    expect([0, 10, 20, 30, 40, 50].map((now) => steady.happened(now))).toEqual([
      false,
      false,
      true,
      false,
      false,
      true,
    ]);
    const seldom = new Often(3, 100);
    expect([0, 50, 100, 150, 200].some((now) => seldom.happened(now))).toBe(false);
  });
});
