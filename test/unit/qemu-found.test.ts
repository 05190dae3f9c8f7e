/** A guest that an earlier house started is found as it booted, whatever its VM has been given since. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { Driver } from "../../gateway/cloud/embedded/driver.ts";
import { qemuDriver } from "../../gateway/cloud/embedded/drivers/qemu.ts";
import { systemClock } from "../../shared/clock.ts";
import { bootId, readStat } from "../../shared/guests/process-proc.ts";
import { qemuGuestPaths } from "../../shared/guests/qemu-layout.ts";
import { LCM_STATE } from "../../shared/states/lcm.ts";
import { VM_STATE } from "../../shared/states/vm.ts";
import type { Template } from "../../shared/template/types.ts";
import { blankVm } from "../support/blank-vm.ts";
import { answers, type QmpServer, qmpServer } from "../support/qmp-server.ts";

const NIC = { NIC_ID: "0", MAC: "02:00:0a:58:00:0a", IP: "10.88.0.10", NETWORK_ID: "0" };
const OTHER = { ...NIC, NIC_ID: "1", MAC: "02:00:0a:58:00:0b", IP: "10.88.0.11" };

let runDir: string;
let qemu: ChildProcess;
let server: QmpServer;

beforeEach(async () => {
  runDir = mkdtempSync(join(tmpdir(), "found-"));
  const paths = qemuGuestPaths(runDir, 7);
  mkdirSync(paths.dir);
  qemu = spawn("sleep", ["600"], { stdio: "ignore", detached: true });
  await once(qemu, "spawn");
  const stat = readStat(qemu.pid ?? 0);
  const note = { pid: stat?.pid, startTicks: stat?.startTicks, bootId: bootId() };
  writeFileSync(paths.note, JSON.stringify(note));
  writeFileSync(paths.nics, JSON.stringify([NIC]));
  const script = answers({ "query-status": { status: "running", running: true } });
  server = await qmpServer(script, paths.driverMonitor);
});

afterEach(async () => {
  qemu.kill("SIGKILL");
  await server.close();
  rmSync(runDir, { recursive: true, force: true });
});

function makeDriver(): Driver {
  return qemuDriver({
    ...{ clock: systemClock, runDir, uidBase: undefined, enabled: true, refusalReason: "" },
    ...{
      trustedUids: new Set<number>(),
      guestMemoryMiB: 1024,
      binary: "qemu",
      imageDirs: [],
      firmwareDirs: [],
    },
    accelerator: async () => ({ accelerator: "tcg", reason: undefined }),
    ...{ network: "restricted", onegate: () => undefined, graceMs: 1_000, maxLogBytes: 1_024 },
    endsGuestsOnClose: false,
  });
}

it.each<[string, Template]>([
  ["what it booted with", { NIC }],
  ["an interface that no QEMU could have", { NIC: [NIC, { ...OTHER, MODEL: "vmxnet3" }] }],
  [
    "more interfaces than there may be",
    { NIC: Array.from({ length: 9 }, (_, id) => ({ ...NIC, NIC_ID: String(id) })) },
  ],
])("also with %s", async (_, template) => {
  const driver = makeDriver();
  const OS = { KERNEL: "vmlinux" };
  const vm = blankVm({ id: 7, template: { MEMORY: "96", OS, CREATED_BY: "2", ...template } });
  expect(await driver.status(vm)).toBe("running");
  await driver.close();
});

it("is not taken for saved when it ended before it was", async () => {
  const driver = makeDriver();
  const states = { state: VM_STATE.ACTIVE, lcmState: LCM_STATE.SAVE_STOP };
  const vm = blankVm({ id: 8, ...states, template: { MEMORY: "96", OS: { KERNEL: "vmlinux" } } });
  await expect(driver.save?.(vm)).rejects.toThrow("The guest ended before its memory was saved.");
  mkdirSync(qemuGuestPaths(runDir, 8).dir);
  writeFileSync(qemuGuestPaths(runDir, 8).memory, "saved");
  await driver.save?.(vm);
  await driver.close();
});
