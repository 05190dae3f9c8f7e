import { afterEach, describe, expect, it } from "vitest";
import { systemClock } from "../../shared/clock.ts";
import { askQmp } from "../../shared/guests/qmp.ts";
import { LineReader, MAX_QMP_LINE_BYTES, MAX_QMP_LINES } from "../../shared/guests/qmp-lines.ts";
import { manualClock } from "../support/manual-clock.ts";
import { answers, GREETING, type QmpScript, type QmpServer, qmpServer } from "../support/qmp-server.ts";

const servers: QmpServer[] = [];

async function serve(script: QmpScript): Promise<QmpServer> {
  const server = await qmpServer(script);
  servers.push(server);
  return server;
}

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

const signal = new AbortController().signal;
const real = { clock: systemClock, signal, timeoutMs: 20_000 };

/** Replies to qmp_capabilities as QEMU does, and to all else with `text`. */
const answersWith = (text: string | Buffer): QmpScript => ({
  reply: (command, id) => (command === "qmp_capabilities" ? `{"return": {}, "id": ${id}}\r\n` : text),
});

describe("askQmp", () => {
  it("greets, asks in order, and leaves", async () => {
    const server = await serve(answers({ "query-status": { status: "running" }, "query-block": [1] }));
    const replies = await askQmp(server.path, ["query-status", "query-block"], real);
    expect(replies).toEqual([{ status: "running" }, [1]]);
    expect(server.heard).toEqual(["qmp_capabilities", "query-status", "query-block"]);
    await server.left;
  });

  it("passes over events wherever they come", async () => {
    const event = '{"timestamp": {"seconds": 1, "microseconds": 2}, "event": "STOP"}\r\n';
    const server = await serve({
      greeting: GREETING + event,
      reply: (_, id) => `${event}{"return": "r${id}", "id": ${id}}\n${event}`,
    });
    expect(await askQmp(server.path, ["query-status"], real)).toEqual(["r1"]);
  });

  it("reads replies that come byte by byte", async () => {
    const server = await serve({
      reply: (_, id, socket) => {
        for (const byte of `{"return": "é", "id": ${id}}\n`) socket.write(byte);
        return undefined;
      },
    });
    expect(await askQmp(server.path, ["query-status"], real)).toEqual(["é"]);
  });

  it.each<[string, QmpScript]>([
    ["says nothing at all", { greeting: "" }],
    ["greets and goes silent", {}],
    ["never ends its reply", answersWith('{"return": {}, "id": 1')],
    ["sends nothing but events", answersWith('{"event": "RTC_CHANGE"}\n'.repeat(100))],
  ])("gives up in time when QEMU %s", async (_, script) => {
    const server = await serve(script);
    const clock = manualClock();
    const asking = askQmp(server.path, ["query-status"], { clock, signal, timeoutMs: 500 });
    await server.met;
    clock.advance(500);
    await expect(asking).rejects.toThrow("did not answer within 500 ms");
    expect(clock.waiting()).toBe(0);
  });

  it.each<[string, QmpScript]>([
    ["speaks another protocol", { greeting: "SSH-2.0-OpenSSH_9.2\r\n" }],
    ["sends binary", { greeting: Buffer.from([0, 255, 254, 10, 10]) }],
    ["floods without a line's end", { greeting: Buffer.alloc(MAX_QMP_LINE_BYTES + 1, 65) }],
    ["floods with empty lines", { greeting: "\n".repeat(MAX_QMP_LINES + 1) }],
    ["floods with events", answersWith('{"event": "X"}\n'.repeat(MAX_QMP_LINES))],
    ["nests deeply", { greeting: `${"[".repeat(500_000)}\n` }],
    ["refuses", answersWith('{"id": 1, "error": {"class": "CommandNotFound", "desc": "no"}}\n')],
    ["answers another question", answersWith('{"return": {}, "id": 7}\n')],
    ["answers nobody", answersWith('{"return": {}}\n')],
    ["answers before it is asked", { greeting: '{"return": {}, "id": 0}\n' }],
    ["greets twice", { greeting: GREETING + GREETING }],
    ["answers with no object", answersWith("null\n")],
    ["feigns a prototype", answersWith('{"__proto__": {"return": 1, "id": 1}}\n')],
  ])("refuses to go on with a QEMU that %s", async (_, script) => {
    const server = await serve(script);
    await expect(askQmp(server.path, ["query-status"], real)).rejects.toThrow("does not speak QMP");
    await server.left;
  });

  it.each<[string, QmpScript]>([
    ["in the middle", { reply: (_, __, socket) => void socket.end('{"retu') }],
    ["at once", { reply: (_, __, socket) => void socket.destroy() }],
  ])("tells a QEMU that closes %s from one that answers", async (_, script) => {
    const server = await serve(script);
    await expect(askQmp(server.path, ["query-status"], real)).rejects.toThrow(/closed|reached/);
  });

  it("waits for its turn where more call than QEMU lets wait", async () => {
    const server = await serve(answers({ "query-status": { status: "running" } }));
    const asking = Array.from({ length: 8 }, () => askQmp(server.path, ["query-status"], real));
    expect(await Promise.all(asking)).toEqual(Array(8).fill([{ status: "running" }]));
  });

  it("gives up in time when its turn does not come", async () => {
    const server = await serve(answers({ "query-status": { status: "running" } }));
    const manual = manualClock();
    const pausing = Promise.withResolvers<void>();
    const clock = {
      ...manual,
      after(delayMs: number, work: () => void) {
        if (delayMs < 500) pausing.resolve();
        return manual.after(delayMs, work);
      },
    };
    const asking = Array.from({ length: 8 }, () =>
      askQmp(server.path, ["query-status"], { clock, signal, timeoutMs: 500 }),
    );
    await pausing.promise;
    clock.advance(500);
    const ends = await Promise.allSettled(asking);
    expect(ends.filter((end) => end.status === "rejected").length).toBeGreaterThan(0);
    expect(clock.waiting()).toBe(0);
  });

  it("fails where there is no socket", async () => {
    await expect(askQmp("/nonexistent/qmp.sock", [], real)).rejects.toThrow("cannot be reached");
    await expect(askQmp(`/tmp/${"x".repeat(200)}`, [], real)).rejects.toThrow();
    await expect(askQmp("/dev/null", [], real)).rejects.toThrow("cannot be reached");
  });

  it("ends with its round", async () => {
    const server = await serve({});
    const round = new AbortController();
    const clock = manualClock();
    const asking = askQmp(server.path, ["query-status"], { clock, signal: round.signal });
    round.abort(new Error("too long"));
    await expect(asking).rejects.toThrow("was ended");
    await expect(askQmp(server.path, [], { clock, signal: round.signal })).rejects.toThrow("too long");
    expect(clock.waiting()).toBe(0);
  });
});

describe("LineReader", () => {
  it("gives the same lines however the bytes come", () => {
    const bytes = Buffer.from('{"a": "é"}\r\n\n{"b": 1}\nrest');
    for (let size = 1; size <= bytes.length; size += 1) {
      const reader = new LineReader();
      const lines: string[] = [];
      for (let at = 0; at < bytes.length; at += size)
        lines.push(...reader.push(bytes.subarray(at, at + size)));
      expect(lines).toEqual(['{"a": "é"}\r', "", '{"b": 1}']);
    }
  });
});
