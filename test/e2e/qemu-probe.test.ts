/** The qemu probes against a real QEMU: no guest inside, but its monitor, its process and its disk are as they will be. */

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { ProbeHost } from "../../probes/probe.ts";
import { probe as figures } from "../../probes/qemu-probes.d/vm/monitor/figures.ts";
import { probe as state } from "../../probes/qemu-probes.d/vm/status/state.ts";
import { type Clock, systemClock } from "../../shared/clock.ts";
import { bootId, readStat } from "../../shared/guests/process-proc.ts";
import { qemuGuestPaths } from "../../shared/guests/qemu-layout.ts";
import { askQmp, QMP_TIMEOUT_MS } from "../../shared/guests/qmp.ts";
import { figuresOf, statesOf } from "../support/probe-text.ts";
import { scriptedProbeHost } from "../support/scripted-probe-host.ts";

const QEMU = "qemu-system-x86_64";
const missing = spawnSync(QEMU, ["--version"]).status !== 0;
if (missing) console.warn(`${QEMU} is not installed: the qemu probes are not tried against a real QEMU.`);

const VM_ID = 7;
const DISK_BYTES = 3 * 1024 * 1024;

let runDir: string;
let qemu: ChildProcess;

beforeEach(async () => {
  if (missing) return;
  runDir = await mkdtemp(join(tmpdir(), "qemu-probe-"));
  const { dir, note, driverMonitor, probeMonitor } = qemuGuestPaths(runDir, VM_ID);
  await mkdir(dir);
  await writeFile(join(dir, "disk.0"), Buffer.alloc(DISK_BYTES, 1));
  qemu = spawn(QEMU, [
    ...["-machine", "none", "-accel", "tcg", "-nodefaults", "-display", "none", "-S"],
    ...["-drive", `if=none,id=disk0,format=raw,file=${join(dir, "disk.0")}`],
    ...["-qmp", `unix:${driverMonitor},server=on,wait=off`],
    ...["-qmp", `unix:${probeMonitor},server=on,wait=off`],
  ]);
  await untilUp(probeMonitor);
  await untilUp(driverMonitor);
  const pid = qemu.pid ?? 0;
  const startTicks = readStat(pid)?.startTicks;
  await writeFile(note, JSON.stringify({ pid, startTicks, bootId: bootId() }));
});

afterEach(async () => {
  if (missing) return;
  if (qemu.exitCode === null && qemu.signalCode === null) {
    qemu.kill("SIGKILL");
    await once(qemu, "exit");
  }
  await rm(runDir, { recursive: true, force: true });
});

/** QEMU makes a socket's file before it listens there: it is up once it has answered. */
async function untilUp(path: string): Promise<void> {
  const signal = AbortSignal.timeout(20_000);
  const answered = (): Promise<boolean> =>
    askQmp(path, ["query-status"], { clock: systemClock, signal, timeoutMs: 20_000 }).then(
      () => true,
      () => false,
    );
  while (!(await answered())) {
    signal.throwIfAborted();
    if (qemu.exitCode !== null) throw new Error(`${QEMU} ended with code ${qemu.exitCode}.`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Waits that long for an answer; a pause between two calls stays as it is. */
function clockThatWaits(timeoutMs: number): Clock {
  return {
    ...systemClock,
    after: (delayMs, work) => systemClock.after(delayMs === QMP_TIMEOUT_MS ? timeoutMs : delayMs, work),
  };
}

function probeHost(): ProbeHost {
  const host = scriptedProbeHost(() => new Error("nothing is run"), {
    procRoot: "/proc",
    sysRoot: "/sys",
    settings: { datastoreLocation: "/nowhere", processRunDir: undefined, qemuRunDir: runDir },
  });
  // A machine under load may be slower than a probe waits; only a QEMU that hangs is to be given up.
  return { ...host, clock: clockThatWaits(20_000) };
}

/** As the driver does, over its own socket. */
async function drive(command: string): Promise<void> {
  const { driverMonitor } = qemuGuestPaths(runDir, VM_ID);
  await askQmp(driverMonitor, [command], { clock: systemClock, signal: AbortSignal.timeout(20_000) });
}

describe.skipIf(missing)("the qemu probes and a real QEMU", () => {
  it("follow its states from its start to its end", async () => {
    const probe = state.create();
    const told = async () => statesOf(await probe.read(probeHost()));
    expect(await told()).toEqual({ [VM_ID]: "RUNNING" });
    await drive("cont");
    expect(await told()).toEqual({ [VM_ID]: "RUNNING" });
    await drive("stop");
    expect(await told()).toEqual({ [VM_ID]: "SUSPENDED" });
    const exit = once(qemu, "exit");
    qemu.kill("SIGTERM");
    await exit;
    expect(await told()).toEqual({});
  });

  it("tell UNKNOWN of a QEMU that hangs, and its state when it goes on", async () => {
    const probe = state.create();
    const host = probeHost();
    qemu.kill("SIGSTOP");
    expect(statesOf(await probe.read({ ...host, clock: clockThatWaits(200) }))).toEqual({
      [VM_ID]: "UNKNOWN",
    });
    qemu.kill("SIGCONT");
    expect(statesOf(await probe.read(host))).toEqual({ [VM_ID]: "RUNNING" });
  });

  it("tell its memory and its disk, also while the other probe asks", async () => {
    const host = probeHost();
    // More than QEMU lets wait for their turn.
    const asked = Array.from({ length: 4 }, () =>
      Promise.all([state.create().read(host), figures.create().read(host)]),
    );
    for (const [states, text] of await Promise.all(asked)) {
      expect(statesOf(states)).toEqual({ [VM_ID]: "RUNNING" });
      expect(figuresOf(text)[VM_ID]).toMatchObject({
        MEMORY: expect.stringMatching(/^\d{4,}$/),
        DISKWRBYTES: "0",
        DISK_SIZE: { ID: "0", SIZE: String(DISK_BYTES / 2 ** 20) },
      });
    }
  });

  it("reach it while the driver keeps its own socket", async () => {
    const { driverMonitor } = qemuGuestPaths(runDir, VM_ID);
    const driver = createConnection(driverMonitor);
    await once(driver, "data");
    expect(statesOf(await state.create().read(probeHost()))).toEqual({ [VM_ID]: "RUNNING" });
    driver.destroy();
  });
});
