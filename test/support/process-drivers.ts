/** Process drivers over a folder of a test file's own, and the guests that tests give them. */

import type { ChildProcess } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, vi } from "vitest";
import { contextFiles } from "../../gateway/cloud/embedded/context/context-files.ts";
import type { ContextFiles, Driver } from "../../gateway/cloud/embedded/driver.ts";
import { type ProcessDriverOptions, processDriver } from "../../gateway/cloud/embedded/drivers/process.ts";
import { ProcessTable } from "../../gateway/cloud/embedded/drivers/process-table.ts";
import type { Vm } from "../../gateway/cloud/model.ts";
import { systemClock } from "../../shared/clock.ts";
import { type ProcessStat, readStat } from "../../shared/guests/process-proc.ts";
import { LCM_STATE } from "../../shared/states/lcm.ts";
import { VM_STATE } from "../../shared/states/vm.ts";
import type { Template } from "../../shared/template/types.ts";
import { blankVm } from "./blank-vm.ts";

export interface Setup {
  readonly driver: Driver;
  readonly runDir: string;
  readonly options: ProcessDriverOptions;
  readonly exits: [number, string][];
}

export interface ProcessDrivers {
  /** The folder. */
  readonly base: string;
  readonly uidBase: number;
  setup(changes?: Partial<ProcessDriverOptions>): Setup;
  another(options: ProcessDriverOptions): Pick<Setup, "driver" | "exits">;
  /** With an id that no other of the file has. */
  newVm(template?: Template): Vm;
}

/**
 * Registers its own hooks, and fails when a guest outlives the file. Files that run side by side need user ids apart, since a
 * guest's processes are found by them.
 */
export function useProcessDrivers(uidBase: number): ProcessDrivers {
  let base = "";
  const drivers: Driver[] = [];
  let lastId = 1;
  beforeAll(() => {
    base = mkdtempSync(join(tmpdir(), "gatehouse-process-"));
    // Guests with their own uid pass through it to their files.
    chmodSync(base, 0o711);
  });
  afterEach(async () => {
    await Promise.all(drivers.splice(0).map((driver) => driver.close()));
  });
  afterAll(async () => {
    const rows = await new ProcessTable().read();
    const strays = rows.filter(({ contextDir }) => contextDir?.startsWith(base));
    for (const { pid } of strays) process.kill(pid, "SIGKILL");
    rmSync(base, { recursive: true, force: true });
    expect(strays).toEqual([]);
  });
  const another: ProcessDrivers["another"] = (options) => {
    const driver = processDriver(options);
    const exits: [number, string][] = [];
    driver.onExit((vmId, reason) => exits.push([vmId, reason]));
    drivers.push(driver);
    return { driver, exits };
  };
  return {
    uidBase,
    another,
    newVm(template = {}) {
      lastId += 1;
      return blankVm({
        id: lastId,
        name: `vm-${lastId}`,
        state: VM_STATE.ACTIVE,
        lcmState: LCM_STATE.BOOT,
        template: { CREATED_BY: "2", ...template },
      });
    },
    get base() {
      return base;
    },
    setup(changes = {}) {
      const options: ProcessDriverOptions = {
        clock: systemClock,
        runDir: mkdtempSync(join(base, "run-")),
        uidBase,
        enabled: true,
        refusalReason: "Not enabled.",
        trustedUids: new Set([0, 2]),
        graceMs: 5000,
        ...changes,
      };
      return { ...another(options), runDir: options.runDir, options };
    },
  };
}

export function script(text: string, more: Record<string, string> = {}): ContextFiles {
  return contextFiles({ context: { ...more, START_SCRIPT: text }, token: "dG9rZW4=" });
}

export const idle = contextFiles({ context: {}, token: undefined });

export function pidOf(deployId: string): number {
  return Number(deployId.split(":")[1]);
}

/** What the guest wrote into a file of its home, once it is there and not empty. */
export function written(runDir: string, vm: Vm, name: string): Promise<string> {
  return vi.waitFor(
    () => {
      const text = readFileSync(join(runDir, String(vm.id), "home", name), "utf8");
      expect(text).not.toBe("");
      return text;
    },
    { timeout: 10_000, interval: 20 },
  );
}

/** A detached child once it leads its session. */
export function leaderOf(child: ChildProcess): Promise<ProcessStat> {
  return vi.waitFor(() => {
    const stat = readStat(child.pid ?? 0);
    if (stat === undefined || stat.sessionId !== child.pid) throw new Error("not yet a leader");
    return stat;
  }, 10_000);
}

export function until(check: () => void | Promise<void>): Promise<void> {
  return vi.waitFor(check, { timeout: 15_000, interval: 20 });
}

/** A script that writes a whole file at once, so that no reader finds it half done. */
export const marker = (name: string, text: string): string =>
  `printf %s "${text}" >${name}.new && mv ${name}.new ${name}`;

/** Stays alive where SIGTERM is not for it. */
export const STUBBORN = `trap '' TERM; ${marker("ready", "yes")}; while :; do sleep 1; done`;
