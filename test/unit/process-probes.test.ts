import { mkdirSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { ProbeHost } from "../../probes/probe.ts";
import { probe as disks } from "../../probes/process-probes.d/vm/monitor/disks.ts";
import { probe as figures } from "../../probes/process-probes.d/vm/monitor/figures.ts";
import { probe as state } from "../../probes/process-probes.d/vm/status/state.ts";
import { parseTemplate } from "../../shared/template/parse.ts";
import { vectorsOf } from "../../shared/template/types.ts";
import { type ManualClock, manualClock } from "../support/manual-clock.ts";
import { machine, readOnce, type TestMachine, type Tree } from "../support/probe-host.ts";

const BOOT = "11111111-2222-3333-4444-555555555555";

interface FakeProcess {
  readonly parent?: number;
  readonly session: number;
  readonly state?: string;
  readonly start?: number;
  /** utime, stime, cutime, cstime. */
  readonly ticks?: readonly [number, number, number, number];
  readonly rssKiB?: number;
  readonly pssKiB?: number;
  readonly io?: readonly [read: number, written: number, reads: number, writes: number];
  readonly contextDir?: string;
}

/** The files of /proc/PID. */
function fakeProcess(pid: number, fake: FakeProcess): Tree {
  const { parent = 1, session, state: letter = "S", start = 1000, ticks = [0, 0, 0, 0] } = fake;
  const at = `proc/${pid}`;
  const [read = 0, written = 0, reads = 0, writes = 0] = fake.io ?? [];
  return {
    [`${at}/stat`]: `${pid} (a) b) ${letter} ${parent} ${session} ${session} 0 -1 0 0 0 0 0 ${ticks.join(" ")} 20 0 1 0 ${start} 0 0\n`,
    [`${at}/status`]: `Name:\tx\nUid:\t0\t0\t0\t0\n${fake.rssKiB === undefined ? "" : `VmRSS:\t   ${fake.rssKiB} kB\n`}`,
    [`${at}/environ`]: fake.contextDir === undefined ? "" : `A=b\0CONTEXT_DIR=${fake.contextDir}\0`,
    ...(fake.pssKiB === undefined
      ? {}
      : { [`${at}/smaps_rollup`]: `0-f rollup\nRss: 9 kB\nPss:    ${fake.pssKiB} kB\nPss_Dirty: 1 kB\n` }),
    ...(fake.io === undefined
      ? {}
      : {
          [`${at}/io`]: `rchar: 9\nwchar: 9\nsyscr: ${reads}\nsyscw: ${writes}\nread_bytes: ${read}\nwrite_bytes: ${written}\n`,
        }),
  };
}

interface Stage {
  readonly box: TestMachine;
  readonly clock: ManualClock;
  readonly host: ProbeHost;
  guest(vmId: number, note: object | string): void;
  process(pid: number, fake: FakeProcess): void;
  gone(pid: number): void;
}

/** A machine, up for 100 s, with a directory for guests. */
function stage(): Stage {
  const box = machine();
  const clock = manualClock();
  box.write({ "proc/sys/kernel/random/boot_id": `${BOOT}\n`, "proc/uptime": "100.00 90.00\n" });
  mkdirSync(join(box.root, "run"));
  return {
    box,
    clock,
    host: box.host({ hypervisor: "process", clock }, { processRunDir: join(box.root, "run") }),
    guest(vmId, note) {
      box.write({ [`run/${vmId}/guest.json`]: typeof note === "string" ? note : JSON.stringify(note) });
      for (const name of ["home", "tmp"])
        mkdirSync(join(box.root, `run/${vmId}/${name}`), { recursive: true });
    },
    process: (pid, fake) => box.write(fakeProcess(pid, fake)),
    gone: (pid) => rmSync(join(box.root, `proc/${pid}`), { recursive: true }),
  };
}

function figuresOf(text: string): readonly [string | undefined, string | undefined, string][] {
  return vectorsOf(parseTemplate(text), "VM").map(({ ID, DEPLOY_ID, MONITOR = "" }) => [
    ID,
    DEPLOY_ID,
    Buffer.from(MONITOR, "base64").toString(),
  ]);
}

describe("the state of the process driver's VMs", () => {
  it("is RUNNING, or SUSPENDED when the init is stopped, with the driver's DEPLOY_ID", async () => {
    const { guest, process, host } = stage();
    guest(10, { pid: 70, startTicks: 1000, bootId: BOOT });
    guest(9, { pid: 80, startTicks: 1000, bootId: BOOT });
    process(70, { session: 70 });
    process(80, { session: 80, state: "T" });
    expect(await readOnce(state, host)).toBe(
      'VM = [ ID = "9", DEPLOY_ID = "process:80:1000", STATE = "SUSPENDED" ]\n' +
        'VM = [ ID = "10", DEPLOY_ID = "process:70:1000", STATE = "RUNNING" ]\n',
    );
  });

  it.each<[string, FakeProcess | undefined, object]>([
    ["that ended", undefined, {}],
    ["that is a zombie", { session: 70, state: "Z" }, {}],
    ["whose pid another process has", { session: 70, start: 1001 }, {}],
    ["whose process leads no session", { session: 69 }, {}],
    ["of an earlier run of the machine", { session: 70 }, { bootId: "another" }],
  ])("is not told of one %s", async (_, fake, changes) => {
    const { guest, process, host } = stage();
    guest(7, { pid: 70, startTicks: 1000, bootId: BOOT, ...changes });
    if (fake !== undefined) process(70, fake);
    expect(await readOnce(state, host)).toBe("");
  });

  it("is not told of one without a note, as during its reboot", async () => {
    const { box, host } = stage();
    box.write({ "run/7/log": "", "run/notes.txt": "" });
    expect(await readOnce(state, host)).toBe("");
  });

  it.each([
    ["a note that is none", "{", undefined],
    ["a note of another form", '{"pid":1}', undefined],
    ["a /proc that does not read", JSON.stringify({ pid: 70, startTicks: 1000, bootId: BOOT }), "nonsense"],
  ])("is UNKNOWN with %s, and the others are told", async (_, note, stat) => {
    const { guest, process, box, host } = stage();
    guest(7, note);
    if (stat !== undefined) box.write({ "proc/70/stat": stat });
    guest(8, { pid: 80, startTicks: 1000, bootId: BOOT });
    process(80, { session: 80 });
    expect(await readOnce(state, host)).toBe(
      'VM = [ ID = "8", DEPLOY_ID = "process:80:1000", STATE = "RUNNING" ]\n' +
        'VM = [ ID = "7", DEPLOY_ID = "", STATE = "UNKNOWN" ]\n',
    );
  });

  it("is a failure, and no empty list, when guests' directory or /proc cannot be read", async () => {
    const { box, host } = stage();
    const settings = { ...host.settings, processRunDir: join(box.root, "elsewhere") };
    await expect(readOnce(state, { ...host, settings })).rejects.toThrow("ENOENT");
    await expect(readOnce(state, { ...host, procRoot: join(box.root, "no-proc") })).rejects.toThrow("ENOENT");
    const untold = { ...host.settings, processRunDir: undefined };
    await expect(readOnce(state, { ...host, settings: untold })).rejects.toThrow("is not told where");
  });
});

describe("what the process driver's VMs use", () => {
  it("is summed over session and strays: since the start at first, then since the last round", async () => {
    const { guest, process, box, clock, host } = stage();
    guest(7, { pid: 70, startTicks: 9000, bootId: BOOT });
    process(70, {
      session: 70,
      start: 9000,
      ticks: [10, 10, 100, 80],
      rssKiB: 1800,
      pssKiB: 300,
      io: [4096, 0, 5, 6],
    });
    // Left the session; known by its environment.
    const contextDir = join(box.root, "run/7/context");
    process(71, {
      session: 71,
      parent: 70,
      contextDir,
      ticks: [100, 0, 0, 0],
      rssKiB: 50_000,
      io: [0, 8192, 1, 2],
    });
    process(90, { session: 90, contextDir: "/another", ticks: [5000, 0, 0, 0], rssKiB: 1, io: [1, 1, 1, 1] });
    const probe = figures.create();
    // 300 ticks in the 10 s since 90 s after boot.
    expect(figuresOf(await probe.read(host))).toEqual([
      [
        "7",
        "process:70:9000",
        "CPU=30.0\nMEMORY=50300\nDISKRDBYTES=4096\nDISKWRBYTES=8192\nDISKRDIOPS=6\nDISKWRIOPS=8\n",
      ],
    ]);
    clock.advance(2000);
    process(71, {
      session: 71,
      parent: 70,
      contextDir,
      ticks: [400, 0, 0, 0],
      rssKiB: 50_000,
      io: [0, 9000, 1, 3],
    });
    const [, , text] = figuresOf(await probe.read(host))[0] ?? [];
    expect(text).toContain("CPU=150.0\n");
    expect(text).toContain("DISKWRBYTES=9000\n");
  });

  it("includes processes that ended between rounds: those waited for count on, an orphan's last bit is lost", async () => {
    const { guest, process, gone, clock, host } = stage();
    guest(7, { pid: 70, startTicks: 9000, bootId: BOOT });
    process(70, { session: 70, start: 9000, ticks: [0, 0, 0, 0], io: [0, 0, 0, 0] });
    process(71, { session: 70, parent: 70, ticks: [100, 0, 0, 0], io: [1000, 0, 0, 0] });
    process(72, { session: 70, parent: 1, ticks: [500, 0, 0, 0], io: [5000, 0, 0, 0] });
    const probe = figures.create();
    await probe.read(host);
    clock.advance(1000);
    gone(71);
    gone(72);
    // 50 more of the first are in its parent's count; somebody else had the second.
    process(70, { session: 70, start: 9000, ticks: [0, 0, 150, 0], io: [1500, 0, 0, 0] });
    const [, , text] = figuresOf(await probe.read(host))[0] ?? [];
    expect(text).toContain("CPU=50.0\n");
    expect(text).toContain("DISKRDBYTES=6500\n");
  });

  it("begins anew with another init, and forgets who is gone", async () => {
    const { guest, process, gone, clock, host } = stage();
    guest(7, { pid: 70, startTicks: 9000, bootId: BOOT });
    process(70, { session: 70, start: 9000, ticks: [900, 0, 0, 0] });
    const probe = figures.create();
    await probe.read(host);
    clock.advance(1000);
    gone(70);
    expect(await probe.read(host)).toBe("");
    guest(7, { pid: 70, startTicks: 9900, bootId: BOOT });
    process(70, { session: 70, start: 9900, ticks: [50, 0, 0, 0] });
    expect(figuresOf(await probe.read(host))).toEqual([["7", "process:70:9900", "CPU=50.0\n"]]);
  });

  it("leaves out what cannot be told, and zombies have no memory", async () => {
    const { guest, process, host } = stage();
    guest(7, { pid: 70, startTicks: 20_000, bootId: BOOT });
    // Started after the boot clock's now, as seen through another container's /proc/uptime.
    process(70, { session: 70, start: 20_000, rssKiB: 900 });
    process(71, { session: 70, state: "Z", ticks: [1, 0, 0, 0] });
    expect(figuresOf(await readOnce(figures, host))).toEqual([["7", "process:70:20000", "MEMORY=900\n"]]);
  });
});

describe("the room of a guest's files", () => {
  it("is told as disk 0, links not followed, walked every five minutes", async () => {
    const { guest, process, box, clock, host } = stage();
    guest(7, { pid: 70, startTicks: 1000, bootId: BOOT });
    process(70, { session: 70 });
    box.write({ "run/7/home/deep/a": "x".repeat(2.5 * 2 ** 20), "elsewhere/big": "x".repeat(8 * 2 ** 20) });
    symlinkSync(join(box.root, "elsewhere"), join(box.root, "run/7/home/link"));
    const probe = disks.create();
    const [first] = figuresOf(await probe.read(host));
    expect(first).toEqual(["7", "process:70:1000", 'DISK_SIZE = [ ID = "0", SIZE = "3" ]\n']);
    box.write({ "run/7/tmp/b": "x".repeat(2 * 2 ** 20) });
    clock.advance(299_000);
    expect(figuresOf(await probe.read(host))).toEqual([first]);
    clock.advance(1000);
    expect(figuresOf(await probe.read(host))[0]?.[2]).toBe('DISK_SIZE = [ ID = "0", SIZE = "5" ]\n');
  });

  it("is untold with more files than are looked at, or a link in the folder's place", async () => {
    const { guest, process, box, host } = stage();
    guest(7, { pid: 70, startTicks: 1000, bootId: BOOT });
    guest(8, { pid: 80, startTicks: 1000, bootId: BOOT });
    process(70, { session: 70 });
    process(80, { session: 80 });
    box.write(Object.fromEntries(Array.from({ length: 5001 }, (_, index) => [`run/7/home/${index}`, ""])));
    rmSync(join(box.root, "run/8/tmp"), { recursive: true });
    symlinkSync("/etc", join(box.root, "run/8/tmp"));
    expect(await readOnce(disks, host)).toBe("");
  });
});
