/** The qemu driver over a folder of its own, with the guest of scripts/guest-image, and VMs for it. */

import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { vi } from "vitest";
import { contextFiles } from "../../gateway/cloud/embedded/context/context-files.ts";
import type { ContextFiles, Driver } from "../../gateway/cloud/embedded/driver.ts";
import { type QemuDriverOptions, qemuDriver } from "../../gateway/cloud/embedded/drivers/qemu.ts";
import { FIRMWARE_DIRECTORIES } from "../../gateway/cloud/embedded/drivers/qemu-firmware.ts";
import { findTool } from "../../gateway/cloud/embedded/drivers/tool.ts";
import type { Vm } from "../../gateway/cloud/model.ts";
import { systemClock } from "../../shared/clock.ts";
import { readGuestNote } from "../../shared/guests/process-layout.ts";
import { listPids } from "../../shared/guests/process-proc.ts";
import { type QemuGuestPaths, qemuGuestPaths } from "../../shared/guests/qemu-layout.ts";
import { LCM_STATE } from "../../shared/states/lcm.ts";
import { VM_STATE } from "../../shared/states/vm.ts";
import type { Template } from "../../shared/template/types.ts";
import { blankVm } from "./blank-vm.ts";
import { BOOT_TIMEOUT_MS, type GuestImage, QEMU } from "./guest-image.ts";

export const GUEST_IP = "10.88.0.10";
export const GATEWAY = "10.88.0.1";
const UID_BASE = 240_000;

export interface QemuBench {
  readonly root: string;
  readonly options: QemuDriverOptions;
  readonly exits: [number, string][];
  readonly troubles: [number, string][];
  driver: Driver;
  /** A driver of a next house over the same guests; the last one has died. */
  another(changes?: Partial<QemuDriverOptions>): Driver;
  paths(vmId: number): QemuGuestPaths;
  console(vmId: number): string;
  untilSaid(vmId: number, pattern: RegExp): Promise<string>;
  /** The QEMUs that run here. */
  pids(): readonly number[];
  /** Ends every QEMU of the bench that still runs, and removes everything. */
  remove(): void;
}

export function qemuBench(image: GuestImage, changes: Partial<QemuDriverOptions> = {}): QemuBench {
  const root = mkdtempSync(join(tmpdir(), "qemu-bench-"));
  chmodSync(root, 0o711);
  const options: QemuDriverOptions = {
    clock: systemClock,
    runDir: join(root, "run"),
    uidBase: UID_BASE,
    enabled: true,
    refusalReason: "Not enabled.",
    trustedUids: new Set([2]),
    guestMemoryMiB: 4096,
    binary: findTool([QEMU]) ?? QEMU,
    imageDirs: [image.directory, root],
    firmwareDirs: FIRMWARE_DIRECTORIES,
    accelerator: async () => ({ accelerator: "tcg", reason: undefined }),
    network: "restricted",
    onegate: () => undefined,
    graceMs: BOOT_TIMEOUT_MS,
    maxLogBytes: 1024 * 1024,
    endsGuestsOnClose: true,
    ...changes,
  };
  const exits: [number, string][] = [];
  const troubles: [number, string][] = [];
  const make = (more: Partial<QemuDriverOptions> = {}): Driver => {
    const driver = qemuDriver({ ...options, ...more });
    driver.onExit((vmId, reason) => exits.push([vmId, reason]));
    driver.onTrouble?.((vmId, trouble) => troubles.push([vmId, trouble]));
    return driver;
  };
  const paths = (vmId: number) => qemuGuestPaths(options.runDir, vmId);
  const text = (vmId: number) => (existsSync(paths(vmId).log) ? readFileSync(paths(vmId).log, "utf8") : "");
  const pids = () => qemusIn(root).map(({ pid }) => pid);
  const bench: QemuBench = {
    root,
    options,
    exits,
    troubles,
    driver: make(),
    another(more) {
      bench.driver = make(more);
      return bench.driver;
    },
    paths,
    console: text,
    untilSaid: (vmId, pattern) =>
      vi.waitFor(
        () => {
          const said = text(vmId);
          if (!pattern.test(said))
            throw new Error(`The console does not say ${pattern}: ${said.slice(-500)}`);
          return said;
        },
        { timeout: BOOT_TIMEOUT_MS, interval: 100 },
      ),
    pids,
    remove() {
      for (const pid of pids()) process.kill(pid, "SIGKILL");
      rmSync(root, { recursive: true, force: true });
    },
  };
  return bench;
}

/** The QEMUs whose sockets lie below a folder, with the VMs they are. */
export function qemusIn(folder: string): readonly { readonly vmId: number; readonly pid: number }[] {
  return listPids().flatMap((pid) => {
    const vmId = vmIdOf(pid, folder);
    return vmId === undefined ? [] : [{ vmId, pid }];
  });
}

function vmIdOf(pid: number, folder: string): number | undefined {
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
    const monitor = words[words.indexOf("-qmp") + 1] ?? "";
    // What waits for the word to become QEMU is a shell with the same words.
    const [, vmId] = /^unix:.*\/(\d+)\/qmp\.sock,/.exec(monitor) ?? [];
    return vmId !== undefined && monitor.startsWith(`unix:${folder}/`) ? Number(vmId) : undefined;
  } catch {
    return undefined;
  }
}

/** The pid that the house has noted. */
export function notedPid({ note }: QemuGuestPaths): number | undefined {
  return readGuestNote(note)?.pid;
}

export function qemuVm(image: GuestImage, id: number, changes: Template = {}): Vm {
  return blankVm({
    id,
    state: VM_STATE.ACTIVE,
    lcmState: LCM_STATE.BOOT,
    template: {
      CREATED_BY: "2",
      MEMORY: "96",
      OS: { KERNEL: image.kernel, INITRD: image.initrd, KERNEL_CMD: "console=ttyS0 quiet no_timer_check" },
      NIC: { NIC_ID: "0", MAC: "02:00:0a:58:00:0a", IP: GUEST_IP },
      CONTEXT: { ETH0_GATEWAY: GATEWAY },
      ...changes,
    },
  });
}

/** What the guest finds on its disc. */
export function qemuContext(script: string, more: Record<string, string> = {}): ContextFiles {
  const network = { ETH0_IP: GUEST_IP, ETH0_MASK: "255.255.255.0", ETH0_GATEWAY: GATEWAY };
  return contextFiles({
    context: { VMID: "1", ...network, ...more, START_SCRIPT: `#!/bin/sh\n${script}` },
    token: "dG9rZW4=",
  });
}
