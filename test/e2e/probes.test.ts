import { chmodSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { contextFiles } from "../../gateway/cloud/embedded/context/context-files.ts";
import type { Driver } from "../../gateway/cloud/embedded/driver.ts";
import { processDriver } from "../../gateway/cloud/embedded/drivers/process.ts";
import { probesOf } from "../../probes/catalogue.ts";
import { readProcess } from "../../probes/lib/process-usage.ts";
import { probe as cpu } from "../../probes/node-probes.d/host/monitor/cpu.ts";
import type { ProbeGroup, ProbeHost } from "../../probes/probe.ts";
import { probe as disks } from "../../probes/process-probes.d/vm/monitor/disks.ts";
import { probe as figures } from "../../probes/process-probes.d/vm/monitor/figures.ts";
import { probe as state } from "../../probes/process-probes.d/vm/status/state.ts";
import { systemClock } from "../../shared/clock.ts";
import { listPids, marksOf } from "../../shared/guests/process-proc.ts";
import { LCM_STATE } from "../../shared/states/lcm.ts";
import { VM_STATE } from "../../shared/states/vm.ts";
import { parseTemplate } from "../../shared/template/parse.ts";
import { stringOf, type Template, vectorsOf } from "../../shared/template/types.ts";
import { blankVm } from "../support/blank-vm.ts";
import { readOnce } from "../support/probe-host.ts";

const UID_BASE = 610_000;

let runDir = "";
let driver: Driver;

beforeEach(() => {
  runDir = mkdtempSync(join(tmpdir(), "gatehouse-probes-"));
  chmodSync(runDir, 0o711);
  driver = processDriver({
    clock: systemClock,
    runDir,
    uidBase: UID_BASE,
    enabled: true,
    refusalReason: "Not enabled.",
    trustedUids: new Set([2]),
    graceMs: 1000,
  });
});

afterEach(async () => {
  await driver.close();
  rmSync(runDir, { recursive: true, force: true });
});

/** This very machine. */
function realHost(): ProbeHost {
  return {
    hypervisor: "process",
    hostId: 0,
    hostName: "here",
    procRoot: "/proc",
    sysRoot: "/sys",
    clock: systemClock,
    random: () => 0,
    signal: new AbortController().signal,
    run: async () => {
      throw new Error("No probe of this host starts a command.");
    },
    settings: {
      datastoreLocation: join(runDir, "datastores"),
      processRunDir: runDir,
      qemuRunDir: undefined,
      version: "0.1.0",
    },
  };
}

async function readGroup(group: ProbeGroup): Promise<Template> {
  const texts = await Promise.all(probesOf("process", group).map((probe) => readOnce(probe, realHost())));
  return parseTemplate(texts.join(""));
}

async function startGuest(id: number, text: string): Promise<string> {
  const vm = guestVm(id);
  return driver.deploy(vm, contextFiles({ context: { START_SCRIPT: text }, token: undefined }));
}

function guestVm(id: number) {
  return blankVm({ id, state: VM_STATE.ACTIVE, lcmState: LCM_STATE.BOOT, template: { CREATED_BY: "2" } });
}

function vmsOf(text: string): readonly { readonly id: string | undefined; readonly figures: Template }[] {
  return vectorsOf(parseTemplate(text), "VM").map(({ ID, MONITOR = "" }) => ({
    id: ID,
    figures: parseTemplate(Buffer.from(MONITOR, "base64").toString()),
  }));
}

/** Ticks of the processes of a guest, as they stand in /proc. */
function ticksOf(id: number): number {
  const contextDir = join(runDir, String(id), "context");
  const rows = listPids().filter((pid) => marksOf(pid).contextDir === contextDir);
  return rows.reduce((total, pid) => total + (readProcess("/proc", pid)?.ticks ?? 0), 0);
}

describe.runIf(process.platform === "linux")("this machine", () => {
  it("has 100 of TOTALCPU for each core, and its memory is used or free", async () => {
    const system = await readGroup("host/system");
    const monitor = await readGroup("host/monitor");
    expect(stringOf(system, "TOTALCPU")).toBe(String(cpus().length * 100));
    const number = (template: Template, name: string): number => Number(stringOf(template, name));
    expect(number(monitor, "USEDCPU") + number(monitor, "FREECPU")).toBe(number(system, "TOTALCPU"));
    expect(number(monitor, "USEDMEMORY") + number(monitor, "FREEMEMORY")).toBe(number(system, "TOTALMEMORY"));
    const threads = vectorsOf(system, "CORE").flatMap(({ CPUS = "" }) => CPUS.split(","));
    expect(new Set(threads).size).toBe(cpus().length);
  });

  it("shows a guest that burns its processors, and is busier for it", async () => {
    // Linux gives each session its share (sched(7), autogroup), so several get enough beside whatever else runs here.
    const away = "setsid sh -c 'while :; do :; done' & ";
    await startGuest(7, `${away.repeat(6)} while :; do :; done`);
    const host = realHost();
    const [guestProbe, hostProbe] = [figures.create(), cpu.create()];
    await guestProbe.read(host);
    await hostProbe.read(host);
    const [before, began] = [ticksOf(7), systemClock.elapsed()];
    await vi.waitFor(() => expect(ticksOf(7) - before).toBeGreaterThan(60), {
      timeout: 20_000,
      interval: 20,
    });
    // How much of a processor it got is for the machine to say, which may have much else to do.
    const got = (ticksOf(7) - before) / ((systemClock.elapsed() - began) / 1_000);
    const [vm] = vmsOf(await guestProbe.read(host));
    expect(vm?.id).toBe("7");
    expect(Number(vm && stringOf(vm.figures, "CPU"))).toBeGreaterThan(got / 2);
    expect(Number(vm && stringOf(vm.figures, "MEMORY"))).toBeGreaterThan(0);
    expect(Number(stringOf(parseTemplate(await hostProbe.read(host)), "USEDCPU"))).toBeGreaterThan(got / 2);
  });

  it("counts what a guest's ended processes used, and its files", async () => {
    await startGuest(
      8,
      "sh -c 'i=0; while [ $i -lt 400000 ]; do i=$((i+1)); done'; dd if=/dev/zero of=data bs=1M count=3 2>&1; touch done",
    );
    await vi.waitFor(() => expect(existsSync(join(runDir, "8/home/done"))).toBe(true), { timeout: 20_000 });
    const [vm] = vmsOf(await readOnce(figures, realHost()));
    expect(Number(vm && stringOf(vm.figures, "CPU"))).toBeGreaterThan(1);
    expect(Number(vm && stringOf(vm.figures, "DISKWRBYTES"))).toBeGreaterThanOrEqual(0);
    const [files] = vmsOf(await readOnce(disks, realHost()));
    expect(Number(vectorsOf(files?.figures ?? {}, "DISK_SIZE")[0]?.SIZE)).toBeGreaterThanOrEqual(3);
  });

  it("tells its guests' states by the driver's DEPLOY_ID", async () => {
    const deployId = await startGuest(9, "true");
    const told = (letters: string) => `VM = [ ID = "9", DEPLOY_ID = "${deployId}", STATE = "${letters}" ]\n`;
    expect(await readOnce(state, realHost())).toBe(told("RUNNING"));
    await driver.suspend(guestVm(9));
    expect(await readOnce(state, realHost())).toBe(told("SUSPENDED"));
    await driver.shutdown(guestVm(9), true);
    expect(await readOnce(state, realHost())).toBe("");
  });
});
