import { mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { probe as figures } from "../../probes/qemu-probes.d/vm/monitor/figures.ts";
import { probe as state } from "../../probes/qemu-probes.d/vm/status/state.ts";
import { askQmp, QMP_TIMEOUT_MS } from "../../shared/guests/qmp.ts";
import { printWireTraffic, wireTrafficPath } from "../../shared/guests/wire-traffic.ts";
import { figuresOf, statesOf, vmVectors } from "../support/probe-text.ts";
import { BOOT_ID, type QemuGuests, qemuGuests } from "../support/qemu-guests.ts";
import { answers, type QmpScript, type QmpServer, qmpServer } from "../support/qmp-server.ts";
import { type ScriptedProbeHost, scriptedProbeHost } from "../support/scripted-probe-host.ts";

let guests: QemuGuests;
const servers: QmpServer[] = [];

beforeEach(async () => {
  guests = await qemuGuests();
});

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
  await guests.remove();
});

/** A guest whose process lives, and whose QEMU answers by the script. */
async function guest(vmId: number, script: QmpScript): Promise<QmpServer> {
  await silentGuest(vmId);
  const server = await qmpServer(script, guests.socket(vmId));
  servers.push(server);
  return server;
}

/** One that has no socket. */
async function silentGuest(vmId: number): Promise<void> {
  await guests.note(vmId, { pid: 1000 + vmId, startTicks: vmId, bootId: BOOT_ID });
  await guests.process(1000 + vmId, vmId, 500);
}

/** Nothing is run; time moves when it is told to. */
function probeHost(): ScriptedProbeHost {
  return scriptedProbeHost(() => new Error("nothing is run"), {
    procRoot: guests.procRoot,
    settings: { datastoreLocation: "/nowhere", processRunDir: undefined, qemuRunDir: guests.runDir },
  });
}

const saying = (status: unknown): QmpScript => answers({ "query-status": { status, running: true } });

describe("qemu vm/status", () => {
  it.each([
    ["running", "RUNNING"],
    ["prelaunch", "RUNNING"],
    ["inmigrate", "RUNNING"],
    ["postmigrate", "RUNNING"],
    ["paused", "SUSPENDED"],
    ["suspended", "SUSPENDED"],
    ["internal-error", "FAILURE"],
    ["io-error", "FAILURE"],
    ["guest-panicked", "FAILURE"],
    ["shutdown", "POWEROFF"],
    ["a word of the future", "UNKNOWN"],
    [["shutdown"], "UNKNOWN"],
    [null, "UNKNOWN"],
  ])("reads QEMU's %s as %s", async (status, expected) => {
    await guest(7, saying(status));
    expect(vmVectors(await state.create().read(probeHost()))).toEqual([
      { ID: "7", DEPLOY_ID: "qemu:1007:7", STATE: expected },
    ]);
  });

  it("takes a QEMU that hangs, floods, lies about QMP or has no socket as UNKNOWN, and the others at their word", async () => {
    const hung = await guest(1, {});
    await guest(2, { greeting: "x".repeat(2_000_000) });
    await guest(3, { greeting: '{"return": {"status": "shutdown"}, "id": 1}\n' });
    await silentGuest(4);
    const sound = await guest(5, saying("running"));
    await guest(6, { reply: (_, __, socket) => void socket.destroy() });
    const host = probeHost();
    const reading = state.create().read(host);
    await Promise.all([hung.met, sound.left]);
    host.clock.advance(QMP_TIMEOUT_MS);
    expect(statesOf(await reading)).toEqual({
      1: "UNKNOWN",
      2: "UNKNOWN",
      3: "UNKNOWN",
      4: "UNKNOWN",
      5: "RUNNING",
      6: "UNKNOWN",
    });
  });

  it("does not list guests that ended, or never began", async () => {
    await guest(1, saying("running"));
    await guests.note(2, { pid: 4242, startTicks: 1, bootId: BOOT_ID });
    await guests.note(3, { pid: 1001, startTicks: 99, bootId: BOOT_ID });
    await guests.note(4, { pid: 1001, startTicks: 1, bootId: "another boot" });
    await silentGuest(5);
    await guests.process(1005, 5, 500, "Z");
    await mkdir(join(guests.runDir, "6"));
    expect(statesOf(await state.create().read(probeHost()))).toEqual({ 1: "RUNNING" });
  });

  it.each([
    ["half a note", '{"pid": 10'],
    ["a note of another form", { pid: "1001" }],
    ["a pid that nobody has", { pid: -1, startTicks: 1, bootId: BOOT_ID }],
    ["binary", "\u0000\u0001"],
  ])("takes a guest with %s as UNKNOWN", async (_, note) => {
    await guest(1, saying("running"));
    await guests.note(2, note);
    expect(statesOf(await state.create().read(probeHost()))).toEqual({ 1: "RUNNING", 2: "UNKNOWN" });
  });

  it("does not list a QEMU that ends while it is asked", async () => {
    await guest(1, {
      reply: (_, __, socket) => {
        void guests.process(1001, 1, 500, "Z").then(() => socket.destroy());
        return undefined;
      },
    });
    expect(await state.create().read(probeHost())).toBe("");
  });

  it("fails when it cannot see who is there", async () => {
    const host = probeHost();
    const settings = { ...host.settings, qemuRunDir: "/nonexistent/guests" };
    await expect(state.create().read({ ...host, settings })).rejects.toThrow("ENOENT");
    await expect(
      state.create().read({ ...host, settings: { ...settings, qemuRunDir: undefined } }),
    ).rejects.toThrow("not told");
    await expect(state.create().read({ ...host, procRoot: "/nonexistent" })).rejects.toThrow("ENOENT");
  });

  it("asks a hundred guests that hang side by side", async () => {
    const hung: QmpServer[] = [];
    for (let vmId = 1; vmId <= 100; vmId += 1) hung.push(await guest(vmId, {}));
    const host = probeHost();
    const reading = state.create().read(host);
    await Promise.all(hung.map(({ met }) => met));
    host.clock.advance(QMP_TIMEOUT_MS);
    const states = Object.values(statesOf(await reading));
    expect(states).toEqual(Array.from({ length: 100 }, () => "UNKNOWN"));
  });
});

describe("qemu vm/monitor", () => {
  const disk = (filename: string, size?: number) => ({
    device: "",
    inserted: { file: filename, image: { filename, "virtual-size": 1, "actual-size": size } },
  });
  const stats = (bytes: unknown) => ({
    stats: { rd_bytes: bytes, wr_bytes: 5, rd_operations: 2, wr_operations: 1, flush_operations: 9 },
  });

  it("tells CPU and memory of the process, and disks as QEMU counts them", async () => {
    await guest(
      7,
      answers({
        "query-blockstats": [stats(1000), stats(24)],
        "query-block": [disk("/run/7/disk.0", 1_048_577), disk("/iso/context.iso", 5), { device: "cd" }],
      }),
    );
    const probe = figures.create();
    const host = probeHost();
    await probe.read(host);
    host.clock.advance(2000);
    await guests.process(1007, 7, 600);
    const text = await probe.read(host);
    expect(vmVectors(text)).toMatchObject([{ ID: "7", DEPLOY_ID: "qemu:1007:7" }]);
    expect(figuresOf(text)[7]).toEqual({
      CPU: "50.0",
      MEMORY: "204800",
      DISKRDBYTES: "1024",
      DISKWRBYTES: "10",
      DISKRDIOPS: "4",
      DISKWRIOPS: "2",
      DISK_SIZE: { ID: "0", SIZE: "2" },
    });
  });

  it.each([
    ["hangs", {}],
    ["refuses", answers({})],
    ["counts backwards", answers({ "query-blockstats": [stats(-5)], "query-block": [] })],
    ["counts in words", answers({ "query-blockstats": [stats("many")], "query-block": [] })],
    ["counts beyond all", answers({ "query-blockstats": [stats(1e300)], "query-block": [] })],
    [
      "has more disks than fit",
      answers({ "query-blockstats": Array(1025).fill(stats(1)), "query-block": [] }),
    ],
    ["answers with a list of nothing", answers({ "query-blockstats": [null], "query-block": {} })],
  ])("tells what /proc knows of a QEMU that %s", async (behaviour, script) => {
    const odd = await guest(7, script);
    const sound = await guest(8, answers({ "query-blockstats": [stats(1)], "query-block": [] }));
    const host = probeHost();
    const reading = figures.create().read(host);
    await Promise.all([behaviour === "hangs" ? odd.met : odd.left, sound.left]);
    host.clock.advance(QMP_TIMEOUT_MS);
    const read = figuresOf(await reading);
    expect(read[7]).toEqual({ MEMORY: "204800" });
    expect(read[8]).toMatchObject({ DISKRDBYTES: "1" });
  });

  it("takes the network's figures from the host's tap interfaces", async () => {
    await guest(7, answers({ "query-blockstats": [], "query-block": [] }));
    const counters = join(guests.runDir, "class/net/one-7-0/statistics");
    await mkdir(counters, { recursive: true });
    await writeFile(join(counters, "rx_bytes"), "10\n");
    await writeFile(join(counters, "tx_bytes"), "20\n");
    const text = await figures.create().read({ ...probeHost(), sysRoot: guests.runDir });
    expect(figuresOf(text)[7]).toEqual({ MEMORY: "204800", NETRX: "20", NETTX: "10" });
  });

  it("takes them from the house's wires, too, of this life of the guest", async () => {
    const quiet = answers({ "query-blockstats": [], "query-block": [] });
    for (const vmId of [7, 8, 9, 10]) await guest(vmId, quiet);
    const traffic = { receivedBytes: 5, sentBytes: 6 };
    const note = (vmId: number, text: string) =>
      writeFile(wireTrafficPath(join(guests.runDir, String(vmId))), text);
    await note(7, printWireTraffic({ pid: 1007, startTicks: 7 }, traffic));
    await note(8, printWireTraffic({ pid: 1008, startTicks: 7 }, traffic));
    await note(9, '{"receivedBytes": "many"');
    const counters = join(guests.runDir, "class/net/one-7-1/statistics");
    await mkdir(counters, { recursive: true });
    await writeFile(join(counters, "rx_bytes"), "10\n");
    await writeFile(join(counters, "tx_bytes"), "20\n");
    const read = figuresOf(await figures.create().read({ ...probeHost(), sysRoot: guests.runDir }));
    expect(read[7]).toEqual({ MEMORY: "204800", NETRX: "25", NETTX: "16" });
    for (const vmId of [8, 9, 10]) expect(read[vmId]).toEqual({ MEMORY: "204800" });
  });

  it("comes to no harm by a socket that leads elsewhere", async () => {
    await silentGuest(7);
    await symlink("/dev/zero", guests.socket(7));
    expect(figuresOf(await figures.create().read(probeHost()))[7]).toEqual({ MEMORY: "204800" });
    const asking = askQmp(guests.socket(7), [], probeHost());
    await expect(asking).rejects.toThrow("cannot be reached");
  });
});
